// The device's code on a 32-bit MicroPython: node memory.mjs PACKAGE FOLDER. Prints one JSON object.
// PACKAGE is the folder of @micropython/micropython-webassembly-pyscript. FOLDER holds `fs`, the root of the guest's
// file system with the compiled slot in it; `guest.py`, the stand-ins for the chip; `unit.json`, what NVS holds.
// This port collects garbage only between two calls from here, so every figure is read in a call of its own.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const HEARTBEATS = 100;
const SETTLE_ROUNDS = 400;
// Interned names live in pools, each twice as large as the one before: 10, 20 .. 640, then 1280. A chip begins with few
// names beyond those in its ROM, and its pools up to 640 take all of ours. Here the first 1270 places are filled before
// anything is measured; the next pool is as large as those of the chip together.
const NAMES_BEFORE = 1270;
const [library, folder] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(library, "micropython.mjs")));

async function start() {
  let said = "";
  const keep = (line) => {
    said += line;
  };
  const micropython = await loadMicroPython({ heapsize: 512 * 1024, stdout: keep, stderr: console.error });
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
  micropython.runPython("names()");
  micropython.globals.get("fill")(NAMES_BEFORE - Number(/n_qstr=(\d+)/.exec(said)[1]));
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
  const signed = guest.globals.get("signed"); // each look makes a handle that stays
  const empty = live(guest);
  guest.runPython("load_all()");
  const loaded = live(guest);
  guest.runPython("boot()");
  for (let i = 0; i < SETTLE_ROUNDS; i++) {
    guest.runPython("step()");
  }
  guest.runPython("rest()");
  const booted = live(guest);
  for (let rounds = 0; signed() < HEARTBEATS; rounds++) {
    if (rounds > 4 * HEARTBEATS) {
      throw new Error("no heartbeats");
    }
    for (let i = 0; i < 40; i++) {
      guest.runPython("step()");
    }
    guest.runPython("collect()"); // else this port's heap grows with the garbage, and some of it looks alive
  }
  guest.runPython("rest()");
  const worked = live(guest);
  const kept = new Set(JSON.parse(guest.globals.get("loaded")()));
  fs.writeSync(1, JSON.stringify({
    loaded: loaded - empty,
    booted: booted - empty,
    worked: worked - empty,
    heartbeats: signed(),
    problems: JSON.parse(guest.globals.get("problems")()),
    left: JSON.parse(guest.globals.get("left")()),
    modules: modules.map(([name, bytes]) => ({ name, bytes, kept: kept.has(name) })),
  }));
}

try {
  await main();
  process.exit(0); // at once: the port's own timers would turn the loop again
} catch (error) {
  // Node would print the whole of a minified library with it.
  console.error(String(error.message));
  process.exit(1);
}
