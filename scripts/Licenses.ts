/** The licenses of the packages that a bundle contains. */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** Formats the licenses of the packages that modules, as paths of files, are part of. */
export const format = (title: string, modules: ReadonlyArray<string>): string => {
  const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? []))
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(Fs.readFileSync(Path.join(folder, "package.json"), "utf8"))
    const [file] = Fs.globSync("LICEN[CS]E*", { cwd: folder })
    if (file === undefined) throw new Error(`${name} has no license file`)
    return `${name} ${version}\n\n${Fs.readFileSync(Path.join(folder, file), "utf8").trim()}\n`
  })
  return `${title} contains these packages.\n\n${texts.join("\n\n")}`
}
