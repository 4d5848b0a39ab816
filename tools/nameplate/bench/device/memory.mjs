// The device's code on a 32-bit MicroPython: node memory.mjs PACKAGE FOLDER. Prints one JSON object.
// PACKAGE is the folder of @micropython/micropython-webassembly-pyscript. FOLDER holds `fs`, the root of the guest's
// file system with the compiled slot in it; `guest.py`, the stand-ins for the chip; `unit.json`, what NVS holds.
// This port collects garbage only between two calls from here, so every figure is read in a call of its own.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const HEARTBEATS = 100;
const SETTLE_ROUNDS = 400;
// Interned names live in pools, each twice as large as the one before: 10, 20, 40 .. A chip's begin where its ROM's names
// end; here those are interned first, and enough that one more pool holds all of ours and is there before anything is
// measured. What the pools of a chip take for as many names is told apart, as `pools`.
const NAMES_BEFORE = 1271;
const ON_A_CHIP_BEFORE = 40; // the names of boot.py, main.py and the port's own start
const POOL_HEAD_BYTES = 20;
const POOL_ENTRY_BYTES = 4 + 2 + 1; // pointer, hash, length
const [library, folder] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(path.join(library, "micropython.mjs")));

let said = "";

function interned(micropython) {
  said = "";
  micropython.runPython("count_names()");
  return Number(/n_qstr=(\d+)/.exec(said)[1]);
}

function pools(names) {
  let bytes = 0;
  for (let size = 10, room = 0; room < names; room += size, size *= 2) {
    bytes += POOL_HEAD_BYTES + POOL_ENTRY_BYTES * size;
  }
  return bytes;
}

async function start() {
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
  micropython.globals.get("fill")(NAMES_BEFORE - interned(micropython));
  return micropython;
}

function live(micropython) {
  micropython.runPython("collect()");
  micropython.runPython("measure()");
  return micropython.globals.get("measured");
}

function settle(guest) {
  for (let i = 0; i < SETTLE_ROUNDS; i++) {
    guest.runPython("step()");
  }
}

async function main() {
  // First: in which order the agent loads its files, and which of them stay.
  let guest = await start();
  guest.runPython("watch_imports()");
  guest.runPython("boot()");
  settle(guest);
  const order = JSON.parse(guest.globals.get("loading_order")());
  const kept = new Set(JSON.parse(guest.globals.get("loaded")()));

  // Each file alone: those that it needs are there before it, so what is added is its own. Then what is dropped is.
  guest = await start();
  const load = guest.globals.get("load");
  const forget = guest.globals.get("forget");
  const base = live(guest);
  const before_names = interned(guest);
  const files = [];
  let before = base;
  for (const name of order) {
    load(name);
    const after = live(guest);
    files.push({ name, bytes: after - before, kept: kept.has(name) });
    before = after;
  }
  for (const name of order) {
    if (!kept.has(name)) {
      forget(name);
    }
  }
  const code = live(guest) - base;
  const names = interned(guest) - before_names;

  // Each module of those that stay: the file is loaded as far as that module. All names are there by now.
  const modules = [];
  for (const [file, beginnings] of Object.entries(JSON.parse(fs.readFileSync(path.join(folder, "modules.json"))))) {
    const empty = live(guest);
    let last = 0;
    beginnings.forEach((name, index) => {
      load(`beginning.${file}_${index}`);
      const bytes = live(guest) - empty;
      forget(`beginning.${file}_${index}`);
      modules.push({ name, file, bytes: bytes - last });
      last = bytes;
    });
  }

  // Last the agent as it runs.
  guest = await start();
  const signed = guest.globals.get("signed"); // each look makes a handle that stays
  const empty = live(guest);
  guest.runPython("boot()");
  settle(guest);
  guest.runPython("rest()");
  const booted = live(guest);
  for (let rounds = 0; signed() < HEARTBEATS; rounds++) {
    if (rounds > 4 * HEARTBEATS) {
      throw new Error(`no heartbeats: ${guest.globals.get("deaths")()}`);
    }
    for (let i = 0; i < 40; i++) {
      guest.runPython("step()");
    }
    guest.runPython("collect()"); // else this port's heap grows with the garbage, and some of it looks alive
  }
  guest.runPython("rest()");
  const worked = live(guest);
  fs.writeSync(1, JSON.stringify({
    names,
    pools: pools(ON_A_CHIP_BEFORE + names),
    code,
    booted: booted - empty,
    worked: worked - empty,
    problems: JSON.parse(guest.globals.get("problems")()),
    files,
    modules,
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
