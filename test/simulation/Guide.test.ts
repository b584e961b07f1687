/** Runs the code of the guide to simulated networks. */
import * as Fs from "node:fs"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Network from "../../src/network/Network.ts"
import * as Rot13Client from "../../src/rot13/Rot13Client.ts"
import * as Rot13Server from "../../src/rot13/Rot13Server.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import * as SimCheck from "../../src/simulation/SimCheck.ts"

it.effect("a client gets its reply in any segmentation", () =>
  SimCheck.check(
    Effect.fnUntraced(function* ({ host }) {
      const server = yield* host("server")
      const client = yield* host("client")
      yield* server.start(Rot13Server.make({ host: "0.0.0.0", port: 1067 }))
      const answer = yield* client.run(
        Effect.gen(function* () {
          const network = yield* Network.Network
          const to = NetAddress.inetAddressFromIpStringUnsafe(server.address, 1067)
          const connection = yield* network.connect(to)
          return yield* Rot13Client.request(connection, new TextEncoder().encode("Hello"))
        })
      )
      assert.strictEqual(new TextDecoder().decode(answer), "Uryyb")
    }),
    { plan: "chunk=1, delay=10% 1ms..50ms", runs: 50 }
  )
)

const guide = Fs.readFileSync(new URL("../../docs/guide/simulation.md", import.meta.url), "utf8")

it("the guide contains the test above", () => {
  const [, code] = /```ts\n(.*?)```/s.exec(guide)!
  assert.include(Fs.readFileSync(new URL(import.meta.url), "utf8"), code!.slice(code!.indexOf("it.effect(")))
})

it("the guide's table contains valid plans", () => {
  const rules = guide
    .split("\n")
    .filter((line) => /^\| `\w+=/.test(line))
    .flatMap((line) =>
      Array.from(line.split(" | ")[0]!.matchAll(/`([^`]*)`/g), ([, rule]) => rule!.replace("\\|", "|"))
    )
  assert.isAbove(rules.length, 10)
  for (const rule of rules) assert.lengthOf(FaultPlanSyntax.parseUnsafe(rule), 1)
})

it("the guide's excerpts of examples are in their files", () => {
  const excerpts = [...guide.matchAll(/^```ts (raft\/\S+)\n([\s\S]*?)^```$/gm)]
  assert.isAtLeast(excerpts.length, 3)
  for (const [, name, code] of excerpts) {
    const file = Fs.readFileSync(new URL(`../../scripts/examples/${name}`, import.meta.url), "utf8")
    for (const part of code!.split("// ...\n")) assert.include(file, part)
  }
})

it("the guide's exploration is the example of its module", () => {
  const [, code] = /^```ts explore\n([\s\S]*?)^```$/m.exec(guide)!
  const module = Fs.readFileSync(new URL("../../src/simulation/SimExplore.ts", import.meta.url), "utf8")
  assert.include(module.replaceAll(/^ \* ?/gm, ""), code!)
})
