// Validate an AsyncAPI document with the project's own parser; prints each finding as one JSON line.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const path = process.argv[2];
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"), { source: path });
for (const finding of diagnostics) {
  console.log(JSON.stringify({ severity: finding.severity, message: finding.message, path: finding.path.join(".") }));
}
const channels = document ? document.channels().all().map((channel) => channel.address()) : [];
console.log(JSON.stringify({ valid: document !== undefined, channels }));
