/**
 * Programs in the guides, with what they print. A block `ts NAME.ts` has the code of `scripts/examples/NAME.ts`, and a
 * block `text NAME.ts` its output. Run this file with Node to write the blocks again.
 */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"

const root = Path.join(import.meta.dirname, "../../..")

/** The guides whose programs are checked. */
export const guides = ["docs/guide/test-your-effect-app.md"]

const block = /^```(ts|text) (\S+\.ts)\n([\s\S]*?)^```$/gm

/** Returns what a program prints, with the command as a user of the package has it. */
const outputOf = async (file: string) => {
  const args = ["--conditions=effect-inet-source", file]
  const env = { PATH: process.env.PATH, NO_COLOR: "1" }
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env }).catch(
    (error: { readonly stdout: string }) => error
  )
  return stdout.replaceAll(" --conditions=effect-inet-source", "")
}

/** Returns a guide as it is, and as it must be. */
export const guide = async (path: string) => {
  const actual = Fs.readFileSync(Path.join(root, path), "utf8")
  const parts = new Map<string, string>()
  for (const [, kind, name] of actual.matchAll(block)) {
    const file = `scripts/examples/${name}`
    parts.set(`${kind} ${name}`, kind === "ts" ? Fs.readFileSync(Path.join(root, file), "utf8") : await outputOf(file))
  }
  const expected = actual.replace(
    block,
    (_, kind, name) => `\`\`\`${kind} ${name}\n${parts.get(`${kind} ${name}`)}\`\`\``
  )
  return { actual, expected, programs: parts.size }
}

if (import.meta.main) {
  for (const path of guides) Fs.writeFileSync(Path.join(root, path), (await guide(path)).expected)
}
