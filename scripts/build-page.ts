/**
 * node scripts/build-page.ts [FILE]
 *
 * Writes the page into `dist/web/page/`, as the package has it: each file beside its compressed form, and the licenses
 * of the packages in it. With an argument, it writes the laboratory into that file instead: one document that a browser
 * opens without a server.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as NodePageAssets from "../src/web/assets/NodePageAssets.ts"
import * as NodePageBundle from "../src/web/assets/NodePageBundle.ts"
import * as Licenses from "./Licenses.ts"

const root = Path.join(import.meta.dirname, "..")

/** Writes the page into a folder. */
export const build = async (folder: string): Promise<void> => {
  Fs.rmSync(folder, { recursive: true, force: true })
  const modules = await NodePageAssets.build(root, folder)
  Fs.writeFileSync(Path.join(folder, "licenses.txt"), Licenses.format("The page", modules))
}

/** Writes the laboratory as one document. */
export const buildLaboratory = async (file: string): Promise<void> => {
  const document = await NodePageBundle.laboratory(root)
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, document)
}

if (import.meta.main) {
  const [file] = process.argv.slice(2)
  await (file === undefined ? build(Path.join(root, "dist/web/page")) : buildLaboratory(Path.resolve(file)))
}
