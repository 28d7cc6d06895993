// Validates AsyncAPI documents, and fails if one has an error or a warning. Severity 2 is information.
// The parser's parse, which does more, fails on any schema of a member that is called $ref.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

for (const file of process.argv.slice(2)) {
  const diagnostics = await new Parser().validate(readFileSync(file, "utf8"));
  const faults = diagnostics.filter((d) => d.severity < 2);
  if (faults.length > 0) {
    console.error(file, JSON.stringify(faults, null, 2));
    process.exitCode = 1;
  }
}
