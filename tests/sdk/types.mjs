// Compares answers with the SDK's own types. `misfits`: an answer is written as a literal, and the TypeScript compiler
// tells of every field that the type does not have, has with another type, or, as an enumeration, without this value.
// `absent`: which fields are missing that the types promise.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import ts from "typescript";

import { packages } from "./modules.mjs";

// Fields that Wix was seen to send although the SDK's types do not have them, and where docs/wix-api.md says so.
const UNTYPED = { triggerFilters: "2.2, observed responses" };

// Fields that the types promise and that cannot all be there: one of several, left out without a value, or deprecated.
const NOT_ALWAYS = new Set([
  "moneyOffAmount", "percentOffRate", "freeShipping", "fixedPriceAmount", "minimumSubtotal",
  "rewardId", "loyaltyCouponId", "referralRewardId", "activityType", "memberIdDeprecated",
]);

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

// What the SDK promises never to be null wherever that around it is there, by the SDK's function.
export function absent(name, answer) {
  const [module, method] = name.split(".");
  const paths = promised(packages[module]).get(method) ?? [];
  const wanted = paths.map((one) => one.replaceAll("${number}", "*").split("."));
  return wanted.filter((one) => !NOT_ALWAYS.has(one.at(-1)) && !isThere(answer, one)).map((one) => one.join("."));
}

const read = new Map();

function promised(name) {
  if (!read.has(name)) read.set(name, declared(name));
  return read.get(name);
}

function declared(name) {
  const folder = path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  const build = path.join(folder, "build", "es");
  const files = readdirSync(build).filter((file) => /(universal.*|typings)\.d\.m?ts$/.test(file));
  const text = files.map((file) => readFileSync(path.join(build, file), "utf8")).join("\n");
  const functions = text.matchAll(/^declare function (\w+)\(.*\): Promise<NonNullablePaths<\w+, (.*?), \d+>/gm);
  const unquoted = (paths) => paths.match(/`[^`]+`/g).map((one) => one.slice(1, -1));
  return new Map([...functions].map(([, method, paths]) => [method, unquoted(paths)]));
}

function isThere(value, [first, ...rest]) {
  if (first === undefined) return value !== null && value !== undefined;
  if (value === null || value === undefined) return true;
  if (first === "*") return value.every((one) => isThere(one, rest));
  return isThere(value[first], rest);
}
