/** The programs in the guide docs/guide/interop.md run and give the values they state. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import * as Examples from "../../../scripts/check/Examples.ts"

const root = Path.join(import.meta.dirname, "../../..")
const folder = ".cache/interop-guide"
const guide = Fs.readFileSync(Path.join(root, "docs/guide/interop.md"), "utf8")

const programs = [...guide.matchAll(/^## ([^\n]+)\n(?:(?!^## )[\s\S])*?^```ts\n([\s\S]*?)^```/gm)].map(
  ({ 1: title = "", 2: code = "" }, index) => ({ title, code, file: Path.join(root, folder, `program-${index}.ts`) })
)

Fs.rmSync(Path.join(root, folder), { recursive: true, force: true })
Fs.mkdirSync(Path.join(root, folder), { recursive: true })
for (const { code, file, title } of programs) {
  Fs.writeFileSync(file, Examples.moduleOf({ path: "docs/guide/interop.md", line: 1, title, code, runs: true }, folder))
}

describe("docs/guide/interop.md", () => {
  for (const { file, title } of programs) it(`program "${title}" runs`, () => import(file))
})
