// Compares answers with the SDK's own types, by TypeScript: an answer is written as a literal, and the compiler tells of
// every field that the type does not have, has with another type, or, where it is an enumeration, without this value.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

import { packages } from "./modules.mjs";

// Fields that Wix was seen to send although the SDK's types do not have them, and where the fact sheet says so.
const UNTYPED = { triggerFilters: "2.2, observed responses" };

const FOLDER = path.join(import.meta.dirname, "build");
const HEAD = Object.entries(packages).map(([name, from]) => `import * as ${name} from "${from}";`);
// An SDK function is declared twice: bound to a client, as it is called, and unbound. `unknown` would let anything pass.
const ANSWER = [
  "type Known<T> = unknown extends T ? never : T;",
  // Older packages declare enumerations without their values as text.
  "type Spelled<T> = T extends string ? `${T}` : T extends Date | null | undefined ? T",
  "  : T extends object ? { [K in keyof T]: Spelled<T[K]> } : T;",
  "type Answer<F> = F extends { (...args: any[]): infer R; (...args: any[]): any } ? Known<Awaited<R>> : never;",
];

export function misfits(results) {
  mkdirSync(FOLDER, { recursive: true });
  const file = path.join(FOLDER, "answers.ts");
  const lines = [...HEAD, ...ANSWER];
  const places = new Map();
  results.forEach(({ sample }, index) => {
    if (!sample) return;
    // One line for each answer, so that the line tells whose fault it is.
    lines.push(`export const _${index}: Spelled<${sample.type}> = ${literal(sample.value)};`);
    places.set(lines.length - 1, index);
  });
  writeFileSync(file, lines.join("\n"));
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], target: ts.ScriptTarget.ES2022 };
  const resolving = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
  const program = ts.createProgram([file], { ...options, ...resolving });
  return ts.getPreEmitDiagnostics(program).map((one) => {
    const line = one.file?.getLineAndCharacterOfPosition(one.start).line;
    const fault = ts.flattenDiagnosticMessageText(one.messageText, " ");
    if (!places.has(line)) throw new Error(`${one.file?.fileName}: ${fault}`);
    return { index: places.get(line), fault: `type: ${fault}`.slice(0, 600) };
  });
}

function literal(value) {
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).filter(([key, one]) => one !== undefined && !(key in UNTYPED));
  return `{${fields.map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`).join(", ")}}`;
}
