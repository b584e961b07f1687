/** The rules hold for this repository, and each rule finds the offences planted here. */

import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Repository from "../scripts/check/Repository.ts"
import * as Rules from "../scripts/check/Rules.ts"
import * as Source from "../scripts/check/Source.ts"
import { type Plant, plants } from "./support/rules/Plants.ts"

const root = Path.join(import.meta.dirname, "..")

const judge = ({ beside, path, rule }: Plant, text: string) =>
  Rules.offences(
    Source.tree({ ...beside, [path]: `${text}\n` }),
    Rules.rules.find(({ name }) => name === rule)!
  ).filter((offence) => offence.startsWith(`${path}:`))

describe("project rules", () => {
  const tree = Repository.read(root)

  for (const rule of Rules.rules) it(rule.says, () => assert.deepStrictEqual(Rules.offences(tree, rule), []))

  for (const plant of plants) {
    it(`${plant.rule}: finds what is wrong in ${plant.path}, and nothing else`, () => {
      for (const text of plant.wrong) {
        const last = text.split("\n").length
        const found = judge(plant, text)
        assert.isNotEmpty(found, text)
        for (const offence of found) assert.match(offence, new RegExp(`^${plant.path}:${last}: `))
      }
      for (const text of plant.right) assert.deepStrictEqual(judge(plant, text), [], text)
    })
  }

  it("idioms: finds a phrase that a line end divides, on the line where it begins", () => {
    const rule = Rules.rules.find(({ name }) => name === "idioms")!
    const text = "/**\n * It waits so\n * many seconds.\n */\n"
    assert.deepStrictEqual(Rules.offences(Source.tree({ "src/a/A.ts": text }), rule), [
      `src/a/A.ts:2: "so many": name the number`
    ])
  })

  it("has a planted offence for every rule", () => {
    assert.sameMembers(
      [...new Set(plants.map(({ rule }) => rule))],
      Rules.rules.map(({ name }) => name)
    )
  })

  it("keeps services apart, and what is below from what is above", () => {
    const rule = Rules.rules.find(({ name }) => name === "arrows")!
    const order = [
      "network process",
      "farm session terminal",
      "rot13 tftp status hangman guess board primes inspect",
      "web",
      "cli"
    ]
    const rank = new Map(order.flatMap((names, at) => names.split(" ").map((name) => [name, at] as const)))
    for (const [from, high] of rank) {
      for (const [to, low] of [...rank, ["simulation", 9] as const, ["capture", 9] as const]) {
        if (from === to) continue
        const text = `import * as X from "../${to}/X.ts"`
        const clean = Rules.offences(Source.tree({ [`src/${from}/Y.ts`]: text }), rule).length === 0
        const isShell = from === "cli" || (from === "web" && to !== "cli")
        assert.strictEqual(clean, isShell || low < high, `${from} -> ${to}`)
      }
    }
  })

  it("reads the text of an element as a string, and the braces in it as code", () => {
    const text = `const view = (a: Map<string, X>) => (
  <>
    <p class="it's {">Don't \`stop\` // at {a < 1 ? <b title='{'>{\`\${a}{\`}</b> : "}"} </p>
    <Input onInput={(event) => say(event)} disabled />
  </>
)
const same = <T,>(a: T) => a < a
`
    const { bare, code } = Source.make("src/web/client/A.tsx", text)
    assert.strictEqual(bare, text)
    assert.strictEqual(
      code.replace(/ +/g, " "),
      `const view = (a: Map<string, X>) => (
 <>
 <p class=" "> {a < 1 ? <b title=' '>{\` {a} \`}</b> : " "} </p>
 <Input onInput={(event) => say(event)} disabled />
 </>
)
const same = <T,>(a: T) => a < a
`
    )
  })

  it("reads TypeScript well enough: in every file of this repository the braces pair", () => {
    for (const { code, path, text } of tree.values()) {
      if (!Source.isTypeScript(path)) continue
      assert.strictEqual(code.length, text.length, path)
      assert.strictEqual(code.split("{").length, code.split("}").length, path)
      assert.strictEqual(code.split("`").length % 2, 1, path)
    }
  })
})
