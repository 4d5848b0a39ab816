// Runs a script on a 32-bit MicroPython: node micropython32.mjs PACKAGE SCRIPT HOST=GUEST...
// PACKAGE is the folder of @micropython/micropython-webassembly-pyscript; each HOST file is copied to GUEST first.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, script, ...files] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(folder, "micropython.mjs")));
const micropython = await loadMicroPython({ heapsize: 320 * 1024, stdout: console.log, stderr: console.error });
for (const pair of files) {
  const [host, guest] = pair.split("=");
  micropython.FS.mkdirTree(path.posix.dirname(guest));
  micropython.FS.writeFile(guest, fs.readFileSync(host));
}
try {
  micropython.runPython(fs.readFileSync(script, "utf8"));
} catch (error) {
  console.error(String(error.message));
  process.exit(1);
}
