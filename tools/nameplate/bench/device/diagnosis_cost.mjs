// What a sensor holds, on a 32-bit MicroPython: node diagnosis_cost.mjs PACKAGE FOLDER. Prints one JSON object.
// FOLDER holds `fs`, with the device's compiled sources and specs.json, and guest.py. This port collects garbage only
// between two calls from here, so each figure is read in a call of its own.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const MANY = 16;
const [library, folder] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(library, "micropython.mjs")));

async function main() {
  const guest = await loadMicroPython({ heapsize: 1024 * 1024, stdout: console.error, stderr: console.error });
  const copy = (from, to) => {
    for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [path.join(from, entry.name), `${to}/${entry.name}`];
      if (entry.isDirectory()) {
        guest.FS.mkdirTree(target);
        copy(source, target);
      } else {
        guest.FS.writeFile(target, fs.readFileSync(source));
      }
    }
  };
  copy(path.join(folder, "fs"), "");
  guest.runPython(fs.readFileSync(path.join(folder, "guest.py"), "utf8"));
  const live = () => {
    guest.runPython("collect()");
    guest.runPython("measure()");
    return guest.globals.get("measured");
  };
  const found = {};
  for (const name of JSON.parse(guest.globals.get("names")())) {
    guest.runPython(`make("${name}", 1)`); // what the first of a kind brings for good
    guest.runPython("drop()");
    const before = live();
    guest.runPython(`make("${name}", ${MANY})`);
    found[name] = Math.round((live() - before) / MANY);
    guest.runPython("drop()");
  }
  fs.writeSync(1, JSON.stringify(found));
}

try {
  await main();
  process.exit(0); // at once: the port's own timers would turn the loop again
} catch (error) {
  console.error(String(error.message));
  process.exit(1);
}
