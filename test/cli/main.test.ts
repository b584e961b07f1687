import { assert, describe, it } from "@effect/vitest"
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Main from "../../src/cli/main.ts"
import * as NodeMain from "../../src/cli/NodeMain.ts"
import * as FarmError from "../../src/farm/FarmError.ts"

type Tree = Awaited<ReturnType<typeof Main.load>>

const subcommands = (tree: Tree) => tree.subcommands.flatMap(({ commands }) => commands)

/** Commands with subcommands or examples: those whose modules are loaded. */
const loaded = (tree: Tree) =>
  subcommands(tree)
    .filter(({ examples, subcommands }) => examples.length > 0 || subcommands.length > 0)
    .map(({ name }) => name)

describe("command tree", () => {
  it("describes each command as the command's own module does", async () => {
    const names = Object.keys(Main.commands)
    const describe = (tree: Tree) => subcommands(tree).map(({ description, name }) => [name, description])
    const whole = await Main.load(["--completions", "bash"])
    assert.deepStrictEqual(loaded(whole), names)
    assert.deepStrictEqual(describe(await Main.load([])), describe(whole))
  })

  it("loads the commands that are named in the arguments", async () => {
    assert.deepStrictEqual(loaded(await Main.load(["--help"])), [])
    assert.deepStrictEqual(loaded(await Main.load(["services", "rot13"])), ["services"])
    assert.deepStrictEqual(loaded(await Main.load(["--faults", "tftp", "rot13", "send", "up"])), ["rot13", "tftp"])
    assert.deepStrictEqual(loaded(await Main.load(["--json", "rot13"])), ["rot13"])
  })
})

/** Returns the paths of the commands that have a program. */
const leaves = (
  { subcommands }: Command.Command.Any,
  path: ReadonlyArray<string> = []
): ReadonlyArray<ReadonlyArray<string>> =>
  subcommands.length === 0
    ? [path]
    : subcommands.flatMap(({ commands }) => commands.flatMap((command) => leaves(command, [...path, command.name])))

/** Returns the names of the flags of a command. */
const flagsOf = Effect.fnUntraced(function* (path: ReadonlyArray<string>) {
  let names: ReadonlyArray<string> = []
  yield* NodeMain.execute([...path, "--help"], {
    present: (event) =>
      Effect.sync(() => {
        if (event._tag === "Help") names = event.helpDoc.flags.map(({ name }) => name)
      })
  })
  return names
})

describe("servers", () => {
  it.live("are the commands with the flags of a server", () =>
    Effect.gen(function* () {
      const tree = yield* Effect.promise(() => Main.load(["--completions", "bash"]))
      const found: Array<string> = []
      for (const path of leaves(tree)) if ((yield* flagsOf(path)).includes("user")) found.push(path.join(" "))
      assert.deepStrictEqual(found.sort(), [...Main.servers].sort())
    })
  )

  it.each([
    ["rot13 serve", true],
    ["--log-level debug rot13 serve --port 0", true],
    ["--capture=up rot13 serve", true],
    ["rot13 --faults up serve", true],
    ["up --config a.yaml", true],
    ["status bob", true],
    ["status --once", false],
    ["status-of", false],
    ["rot13 send localhost 1067 serve", false],
    ["--capture up rot13 send localhost 1067", false],
    ["connect localhost 80", false],
    ["capture run -i lo", true],
    ["capture run -- rot13 serve --port 0", true],
    ["capture run --json -- rot13 send localhost 1067 serve", false],
    ["capture read out.pcapng", false],
    ["", false]
  ] as const)("isServer of %s is %s", (line, expected) => {
    assert.strictEqual(Main.isServer(line.split(" ").filter(Boolean)), expected)
  })

  it("only servers that read other files reload without a configuration file", () => {
    const reloads = [...Main.servers].filter((command) => Main.reloadsAlways(command.split(" ")))
    assert.deepStrictEqual(reloads, ["tftp serve", "impair"])
  })

  it("a server that is interrupted while it starts has no failure, a client has", () => {
    assert.deepStrictEqual(NodeMain.outcome(Exit.interrupt(1), true), [0])
    assert.deepStrictEqual(NodeMain.outcome(Exit.interrupt(1), false), [130])
    assert.deepStrictEqual(NodeMain.outcome(Exit.fail(new Error("no")), true), [1, "no"])
  })

  it("escapes the text of work in the error of a farm", () => {
    const attempt = { worker: "thread 1", kind: "Threw", message: "no\u001b[31m\u0007" } as const
    const reason = new FarmError.PoisonPacket({ id: 7, packet: 1, attempts: [attempt] })
    const [code, line] = NodeMain.outcome(Exit.fail(new FarmError.FarmError({ reason })))
    assert.deepStrictEqual([code, line], [1, "packet 7 1 failed once: thread 1: no\\u001b[31m\\u0007"])
  })
})
