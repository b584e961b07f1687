/** Rules for names, against tftpd-hpa with the same file: the same names are served, and the same are refused. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as NodeServices from "../../src/network/node/NodeServices.ts"
import * as RemapRules from "../../src/tftp/rules/RemapRules.ts"
import * as TftpClient from "../../src/tftp/TftpClient.ts"
import { directory } from "../support/Directory.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"

const operations = ["r", "rg", "ri", "re", "rs", "rge", "rgi", "a", "ai", "a~", "e", "e~", "rG", "aG", "rP", "r4", "r6"]
const expressions = [
  "a",
  "b",
  "^a",
  "b$",
  "aa",
  "a*b",
  "(a|b)b",
  "(a+)(b+)",
  "^b?a",
  "[ab]a",
  "a|ab",
  "^(a|ab)(a|bab)$"
]
const replacements = ["", "b", "ab", "\\1", "\\2\\1", "\\U\\0", "a\\Eb"]

/** Returns generated choices: the same for the same seed. */
const choices = (seed: number) => {
  const bytes = pseudoRandomBytes(64, seed)
  let at = 0
  return <A>(from: ReadonlyArray<A>): A => from[bytes[at++ % bytes.length]! % from.length]!
}

const rulesOf = (seed: number) => {
  const choose = choices(seed)
  const count = 2 + (seed % 4)
  const rules = Array.from({ length: count }, () => {
    const operation = choose(operations)
    const expression = choose(expressions)
    const replacement = operation.startsWith("a") ? "" : choose(replacements)
    return `${operation} ${expression} ${replacement}`
  })
  // With s, tftpd-hpa 5.2 starts again at the second rule, unlike its manual: the first one never matches here.
  return ["e ^never$", ...rules].join("\n")
}

const names = ["b", "A", "aab", "bab", "Abba"]

/** All names of up to five letters: most names that the rules can return. */
const files = ["a", "b", "A", "B"].reduce<ReadonlyArray<string>>(
  (all) => ["a", "b", "A", "B"].flatMap((letter) => [letter, ...all.map((name) => letter + name)]),
  []
)

/**
 * The result of our rules, as the client of a server with these files sees it. Undefined if they do not come to an end:
 * tftpd-hpa does not reply then, and occupies a CPU.
 */
const expected = (rules: RemapRules.Rules, name: string): string | undefined => {
  const { outcome } = RemapRules.apply(rules, { name, kind: "read", client: { address: "127.0.0.1", port: 1 } })
  if (outcome._tag === "Endless") return undefined
  if (outcome._tag === "Refused") return "Refused 2"
  return files.includes(outcome.name) ? outcome.name : "Refused 1"
}

const served = (peer: TftpPeers.Running, name: string) =>
  TftpClient.get({ host: peer.address, port: peer.port, path: name }, { plain: true }).pipe(
    Stream.decodeText,
    Stream.mkString,
    Effect.match({ onSuccess: (text) => text, onFailure: TftpHosts.labelOf })
  )

describe.skipIf(!TftpPeers.canRemap)("rules of tftpd-hpa (skipped without it and root)", () => {
  it.live("give generated names to the same files", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ rules: "" })
      const root = inRoot("files")
      Fs.mkdirSync(root)
      for (const name of files) Fs.writeFileSync(`${root}/${name}`, name)
      const peer = yield* TftpPeers.startRemapping(root, inRoot("rules"))
      for (let seed = 0; seed < 16; seed++) {
        const text = rulesOf(seed)
        const rules = Result.getOrThrow(RemapRules.parse(text))
        Fs.writeFileSync(inRoot("rules"), `${text}\n`)
        // It reads the rules again before the next request, or before the one after.
        process.kill(peer.pid, "SIGHUP")
        yield* served(peer, "none")
        const compare = Effect.fnUntraced(function* (name: string) {
          const ours = expected(rules, name)
          if (ours === undefined) return
          assert.strictEqual(yield* served(peer, name), ours, `${JSON.stringify(name)} by ${text}`)
        })
        yield* Effect.forEach(names, compare, { concurrency: "unbounded", discard: true })
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
