/** `node scripts/module-map.ts`: writes the first sentence of every module into docs/architecture.md, by folder. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as ModuleMap from "./check/ModuleMap.ts"
import * as Repository from "./check/Repository.ts"

const root = Path.join(import.meta.dirname, "..")
const page = Path.join(root, "docs/architecture.md")

Fs.writeFileSync(page, ModuleMap.insert(Fs.readFileSync(page, "utf8"), Repository.read(root)))
