/**
 * Set-up of all tests: bundles the command line as it is published, so that tests start it in a third of the time. The
 * bundle is built again when a source has changed.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { TestProject } from "vitest/node"
import { build } from "../../scripts/build-command.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** Path of the bundled command. */
    readonly command: string
  }
}

const root = Path.resolve(import.meta.dirname, "../..")
const cache = Path.join(root, "node_modules/.cache/command")

/** Time after which a bundle is removed: another run may use it. */
const maxAgeMillis = 86_400_000

/** Returns a name for the sources: it changes with the content of any of them. */
const sourcesHash = () => {
  const hash = Crypto.createHash("sha256")
  const paths = [
    "package-lock.json",
    "package.json",
    "scripts/build-command.ts",
    "scripts/Licenses.ts",
    ...Fs.globSync("src/**/*.ts", { cwd: root }).sort()
  ]
  for (const path of paths)
    hash
      .update(path)
      .update("\0")
      .update(Fs.readFileSync(Path.join(root, path)))
  return hash.digest("hex").slice(0, 16)
}

const removeOld = () => {
  for (const name of Fs.readdirSync(cache)) {
    const path = Path.join(cache, name)
    if (Date.now() - Fs.statSync(path).mtimeMs > maxAgeMillis) Fs.rmSync(path, { recursive: true, force: true })
  }
}

/** Builds the package around the command, which reads its version and its samples two folders above itself. */
const buildInto = async (folder: string) => {
  Fs.mkdirSync(cache, { recursive: true })
  const unfinished = Fs.mkdtempSync(Path.join(cache, "unfinished-"))
  // A server that runs as another user loads parts of the bundle.
  Fs.chmodSync(unfinished, 0o755)
  await build(Path.join(unfinished, "dist/cli"))
  Fs.copyFileSync(Path.join(root, "package.json"), Path.join(unfinished, "package.json"))
  Fs.symlinkSync(Path.join(root, "src"), Path.join(unfinished, "src"))
  try {
    Fs.renameSync(unfinished, folder)
  } catch (error) {
    // Another run was faster.
    if (!Fs.existsSync(folder)) throw error
    Fs.rmSync(unfinished, { recursive: true })
  }
}

export const setup = async ({ provide }: TestProject) => {
  const folder = Path.join(cache, sourcesHash())
  if (!Fs.existsSync(folder)) await buildInto(folder)
  removeOld()
  provide("command", Path.join(folder, "dist/cli/bin.js"))
}
