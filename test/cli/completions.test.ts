/** Completions in real shells: what TAB makes of a line, and what a shell offers. */
import * as ChildProcess from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import * as ShellPty from "../support/terminal/ShellPty.ts"

/** A folder with the script of a shell, a file and two folders. */
const prepare = Effect.fnUntraced(function* (shell: ShellPty.Shell) {
  const { code, stdout } = yield* Cli.runInProcess(["--completions", shell])
  assert.strictEqual(code, 0)
  return yield* directory({
    script: stdout,
    "data/letter.txt": "",
    "data/letters/inner": "",
    "one file.pcapng": ""
  })
})

/** A line with TAB at its end, and the arguments of the command then. */
const completed: ReadonlyArray<readonly [line: string, args: ReadonlyArray<string>]> = [
  ["rot1", ["rot13"]],
  ["rot13 ser", ["rot13", "serve"]],
  ["rot13 serve --cas", ["rot13", "serve", "--case"]],
  ["rot13 serve --case=lo", ["rot13", "serve", "--case=lower"]],
  ["rot13 serve --case lo", ["rot13", "serve", "--case", "lower"]],
  // Global flags are known before and after commands, and their values are not taken for commands.
  ["--log-lev", ["--log-level"]],
  ["--log-level debug rot1", ["--log-level", "debug", "rot13"]],
  ["--log-level=deb", ["--log-level=debug"]],
  ["rot13 serve --fault-s", ["rot13", "serve", "--fault-seed"]],
  // Files where a file is expected, and folders where a folder is.
  ["capture read one", ["capture", "read", "one file.pcapng"]],
  ["capture read data/letter.", ["capture", "read", "data/letter.txt"]],
  ["--capture=data/letter.", ["--capture=data/letter.txt"]],
  ["tftp put data/letter.", ["tftp", "put", "data/letter.txt"]],
  ["tftp serve --root data/letter", ["tftp", "serve", "--root", "data/letters/"]],
  ["tftp serve --root=data/letter", ["tftp", "serve", "--root=data/letters/"]],
  // Hosts.
  ["rot13 send localh", ["rot13", "send", "localhost"]],
  ["guess play localh", ["guess", "play", "localhost"]],
  // Users and groups of the system.
  ["rot13 serve --user daemo", ["rot13", "serve", "--user", "daemon"]],
  ["rot13 serve --user=daemo", ["rot13", "serve", "--user=daemon"]],
  ["rot13 serve --group daemo", ["rot13", "serve", "--group", "daemon"]],
  ["rot13 serve --unix-owner daemo", ["rot13", "serve", "--unix-owner", "daemon"]],
  // Nothing where nothing is known.
  ["rot13 serve --port ", ["rot13", "serve", "--port"]],
  ["rot13 send localhost on", ["rot13", "send", "localhost", "on"]],
  ["rot13 serve one", ["rot13", "serve", "one"]],
  ["rot13 serve --case one", ["rot13", "serve", "--case", "one"]]
]

const withoutSlash = (args: ReadonlyArray<string>) => args.map((arg) => arg.replace(/\/$/, ""))

describe("completions", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    it.live.skipIf(!ShellPty.has(shell))(`complete lines in ${shell} (skipped without ${shell} and script)`, () =>
      Effect.gen(function* () {
        const { inRoot, root } = yield* prepare(shell)
        const { complete } = yield* ShellPty.start(shell, inRoot("script"), root)
        for (const [line, args] of completed) {
          assert.deepStrictEqual(withoutSlash(yield* complete(`effect-inet ${line}`)), withoutSlash(args), line)
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live.skipIf(!ShellPty.has("fish"))("offer what is left, with descriptions, in fish (skipped without fish)", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* prepare("fish")
      const offered = (line: string) =>
        ChildProcess.execFileSync(
          "fish",
          ["--no-config", "-c", `source ${inRoot("script")}; complete -C 'effect-inet ${line}'`],
          { cwd: root, encoding: "utf8" }
        )
          .split("\n")
          .slice(0, -1)
          .map((row) => row.split("\t")[0]!)
      assert.deepStrictEqual(offered("rot13 ").toSorted(), ["send", "serve"])
      assert.deepStrictEqual(offered("rot13 serve --case ").toSorted(), ["both", "lower"])
      assert.notInclude(offered("rot13 serve --case both --"), "--case")
      assert.includeMembers(offered("rot13 serve --"), ["--case", "--faults", "--capture", "--json", "--help"])
      assert.deepStrictEqual(offered("tftp serve --root data/"), ["data/letters/"])
      assert.deepStrictEqual(offered("rot13 serve --port "), [])
    }).pipe(Effect.scoped)
  )
})
