/**
 * `npm run check`: types of the package and of the page, lint, format, project rules and unused code, in parallel.
 * Fails if any step fails.
 */
import { spawn } from "node:child_process"
import * as Path from "node:path"
import * as Repository from "./Repository.ts"
import * as Rules from "./Rules.ts"

const root = Path.join(import.meta.dirname, "../..")

interface Verdict {
  readonly ok: boolean
  readonly output: string
}

/** Runs a tool of this project and collects its output. */
const tool =
  (name: string, ...args: ReadonlyArray<string>) =>
  () =>
    new Promise<Verdict>((resolve, reject) => {
      const child = spawn(Path.join(root, "node_modules/.bin", name), args, {
        cwd: root,
        // The tools start `node` by name: the path must lead to this one first.
        env: { ...process.env, PATH: `${Path.dirname(process.execPath)}${Path.delimiter}${process.env.PATH}` },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text
        })
      }
      child.once("error", reject)
      child.once("close", (code) => resolve({ ok: code === 0, output }))
    })

const projectRules = async (): Promise<Verdict> => {
  const tree = Repository.read(root)
  const broken = Rules.rules
    .map((rule) => ({ rule, found: Rules.offences(tree, rule) }))
    .filter(({ found }) => found.length > 0)
  return {
    ok: broken.length === 0,
    output: broken.map(({ found, rule }) => `${rule.says}:\n  ${found.join("\n  ")}`).join("\n")
  }
}

const steps: Readonly<Record<string, () => Promise<Verdict>>> = {
  types: tool("tsc", "--pretty", "false"),
  "types of the page": tool("tsc", "--project", "src/web/client", "--pretty", "false"),
  "lint and format": tool("biome", "ci", "--error-on-warnings", "--colors=off"),
  "project rules": projectRules,
  "unused code": tool("knip", "--no-progress")
}

const verdicts = await Promise.all(
  Object.entries(steps).map(async ([name, step]) => {
    const started = performance.now()
    const { ok, output } = await step()
    const seconds = ((performance.now() - started) / 1_000).toFixed(1)
    process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name.padEnd(17)} ${seconds.padStart(5)} s\n`)
    if (!ok) process.stdout.write(`${output.trim().replace(/^/gm, "       ")}\n`)
    return ok
  })
)
process.exitCode = verdicts.every((ok) => ok) ? 0 : 1
