// Ask the official AsyncAPI parser what it thinks of a document: errors and warnings fail, advice is printed.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const LEVELS = ["error", "warning", "information", "hint"];
const found = await new Parser().validate(readFileSync(process.argv[2], "utf8"));
for (const { severity, code, path, message } of found) {
  console.log(`${LEVELS[severity]}: ${path.join(".")}: ${message} (${code})`);
}
const bad = found.filter(({ severity }) => severity <= 1).length;
console.log(bad ? `ASYNCAPI failed problems=${bad}` : `ASYNCAPI ok advice=${found.length}`);
process.exitCode = bad ? 1 : 0;
