/** The files of this package, in the sources and beside the bundled command. */
import * as Fs from "node:fs"

/** The package's folder, two folders above this file in the sources and above the bundle in the package. */
export const root = new URL("../../", import.meta.url)

/** Reads the version from package.json. */
export const version = () =>
  (JSON.parse(Fs.readFileSync(new URL("package.json", root), "utf8")) as { readonly version: string }).version
