// The entry files on a 32-bit MicroPython whose Ctrl-C is the chip's: node boot_window.mjs PACKAGE GUEST CASES.
// PACKAGE is the folder of @micropython/micropython-webassembly-pyscript. GUEST is boot_window.py, CASES a JSON list of
// starts. Prints what became of each, as JSON. `port.ctrl_c()` is what the chip's receiver does with the byte: while it is
// listened for, an exception is put by, which the interpreter raises at its next jump; else nothing. It has no jump itself.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [library, guest, cases] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(library, "micropython.mjs")));
const CTRL_C = 3;

try {
  const micropython = await loadMicroPython({ heapsize: 512 * 1024, stdout: () => {}, stderr: console.error });
  const chip = micropython._module;
  let heard = 0;
  micropython.registerJsModule("port", {
    ctrl_c: () => {
      if (chip._mp_hal_get_interrupt_char() === CTRL_C) {
        chip._mp_sched_keyboard_interrupt();
        heard++;
      }
    },
    heard: () => heard,
  });
  micropython.runPython(fs.readFileSync(guest, "utf8"));
  const start = micropython.globals.get("start");
  const outcomes = JSON.parse(fs.readFileSync(cases, "utf8")).map((files) => JSON.parse(start(JSON.stringify(files))));
  fs.writeSync(1, JSON.stringify(outcomes));
  process.exit(0); // at once: the port's own timers would turn the loop again
} catch (error) {
  console.error(String(error.message));
  process.exit(1);
}
