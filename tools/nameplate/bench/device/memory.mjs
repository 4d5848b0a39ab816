// The device's code on a 32-bit MicroPython: node memory.mjs PACKAGE FOLDER. Prints one JSON object.
// PACKAGE is the folder of @micropython/micropython-webassembly-pyscript. FOLDER holds `fs`, the root of the guest's
// file system with the compiled slot in it; `guest.py`, the stand-ins for the chip; `unit.json`, what NVS holds.
// This port collects garbage only between two calls from here, so every figure is read in a call of its own.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const HEARTBEATS = 100;
const SETTLE_ROUNDS = 400;
const [library, folder] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(library, "micropython.mjs")));

async function start() {
  const micropython = await loadMicroPython({ heapsize: 512 * 1024, stdout: console.error, stderr: console.error });
  const copy = (from, to) => {
    for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [path.join(from, entry.name), `${to}/${entry.name}`];
      if (entry.isDirectory()) {
        micropython.FS.mkdirTree(target);
        copy(source, target);
      } else {
        micropython.FS.writeFile(target, fs.readFileSync(source));
      }
    }
  };
  copy(path.join(folder, "fs"), "");
  micropython.runPython(fs.readFileSync(path.join(folder, "guest.py"), "utf8"));
  micropython.runPython("prepare()");
  return micropython;
}

function live(micropython) {
  micropython.runPython("collect()");
  micropython.runPython("measure()");
  return micropython.globals.get("measured");
}

async function main() {
  // First: in which order the application completes its modules.
  let guest = await start();
  guest.runPython("watch_imports()");
  guest.runPython("boot()");
  const order = JSON.parse(guest.globals.get("loading_order")());

  // Each module alone: those that it needs are there before it, so what is added is its own.
  guest = await start();
  const base = live(guest);
  const modules = [];
  let before = base;
  for (const name of order) {
    guest.globals.get("load")(name);
    const after = live(guest);
    modules.push([name, after - before]);
    before = after;
  }

  // Last the agent as it runs.
  guest = await start();
  const empty = live(guest);
  guest.runPython("boot()");
  for (let i = 0; i < SETTLE_ROUNDS; i++) {
    guest.runPython("step()");
  }
  guest.runPython("rest()");
  const booted = live(guest);
  const kept = new Set(JSON.parse(guest.globals.get("loaded")()));
  let rounds = 0;
  while (guest.globals.get("signed")() < HEARTBEATS) {
    guest.runPython("step()");
    if (++rounds > 400 * HEARTBEATS) {
      throw new Error("no heartbeats");
    }
  }
  guest.runPython("rest()");
  const worked = live(guest);
  console.log(JSON.stringify({
    booted: booted - empty,
    worked: worked - empty,
    heartbeats: guest.globals.get("signed")(),
    problems: JSON.parse(guest.globals.get("problems")()),
    modules: modules.map(([name, bytes]) => ({ name, bytes, kept: kept.has(name) })),
  }));
}

try {
  await main();
} catch (error) {
  // Node would print the whole of a minified library with it.
  console.error(String(error.message));
  process.exit(1);
}
