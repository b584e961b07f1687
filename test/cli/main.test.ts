import { assert, describe, it } from "@effect/vitest"
import * as Main from "../../src/cli/main.ts"

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
