import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as AddressInfo from "../../../src/network/names/AddressInfo.ts"
import * as AddressOrder from "../../../src/network/names/AddressOrder.ts"
import * as GaiConf from "../../../src/network/names/GaiConf.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import { missing, pool, systemOrder } from "../../support/SystemOrder.ts"
import * as TextFiles from "../../support/TextFiles.ts"

const ip = NetAddress.ipFromStringUnsafe

/** Runs an effect with a file of this content; returns its result, the log and the number of reads. */
const withFile = <A, E>(
  files: Parameters<typeof TextFiles.layer>[0],
  use: Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.gen(function* () {
    const logs: Array<string> = []
    let reads = 0
    const logger = Logger.make(({ logLevel, message }) => void logs.push(`${logLevel} ${message}`))
    const layer = Layer.merge(
      TextFiles.layer(files, () => void reads++),
      Logger.layer([logger])
    )
    return { result: yield* Effect.provide(use, layer), logs, reads }
  })

describe("GaiConf", () => {
  it("parse returns only the tables that have lines, each with a row for all addresses", () => {
    assert.deepStrictEqual(GaiConf.parse("# nothing\nreload yes\n"), {
      options: { policy: undefined, scopes: undefined },
      skippedLines: []
    })
    const { options } = GaiConf.parse("label 2001:db8::1/32 7 # cut to the prefix\nscopev4 ::ffff:10.0.0.0/104 5\n")
    assert.deepStrictEqual(options.policy?.slice(0, 2), [
      { prefix: "2001:db8::/32", label: 7 },
      { prefix: "::/0", label: 1 }
    ])
    assert.deepStrictEqual(
      options.policy?.filter(({ precedence }) => precedence !== undefined).map(({ precedence }) => precedence),
      AddressOrder.rfc6724.map(({ precedence }) => precedence)
    )
    assert.deepStrictEqual(options.scopes, [
      { prefix: "10.0.0.0/8", scope: 5 },
      { prefix: "0.0.0.0/0", scope: 14 }
    ])
  })

  it("parse skips malformed lines and says what is wrong with them", () => {
    const wrong = [
      "label 10.0.0.0/8 1",
      "label ::1 1",
      "precedence ::1/129 1",
      "precedence ::1/128",
      "precedence ::1/128 -1",
      "precedence ::1/128 99999999999",
      "scopev4 2001:db8::/32 5",
      "scopev4 ::ffff:10.0.0.0/95 5",
      "scopev4 10.0.0.0/33 5",
      "prefer ipv4",
      "label x/y z"
    ]
    const { options, skippedLines } = GaiConf.parse(["", ...wrong].join("\n"))
    assert.deepStrictEqual(options, { policy: undefined, scopes: undefined })
    assert.deepStrictEqual(
      skippedLines.map(({ line, text }) => [line, text]),
      wrong.map((text, i) => [i + 2, text])
    )
    assert.strictEqual(skippedLines[9]!.reason, "unknown keyword: write label, precedence, scopev4 or reload")
  })

  it.prop("parse never throws, and every result can be sorted by", [Schema.String, Schema.String], ([one, other]) => {
    const { options } = GaiConf.parse(`${one}\nlabel ${other}\nprecedence ${one} 1\nscopev4 ${other} 1`)
    assert.strictEqual(AddressOrder.sort([{ destination: ip("::1"), source: undefined }], options).length, 1)
  })

  const sortTwice = Effect.gen(function* () {
    const addresses = [ip("127.0.0.1"), ip("::1")].map((one) => NetAddress.inetAddressUnsafe(one, 0)) as [
      NetAddress.InetAddress,
      NetAddress.InetAddress
    ]
    yield* AddressInfo.sort(addresses)
    return (yield* AddressInfo.sort(addresses)).map(String)
  })
  it.live("layer makes AddressInfo sort by the file, which is read and logged once", () =>
    Effect.gen(function* () {
      const use = sortTwice.pipe(Effect.provide([GaiConf.layer({ path: "/gai.conf" }), NodeNetwork.layer]))
      const preferred = yield* withFile({ "/gai.conf": "precedence ::ffff:0:0/96 100\nnonsense\u001b[2J\n" }, use)
      assert.deepStrictEqual(preferred.result, ["127.0.0.1:0", "[::1]:0"])
      assert.deepStrictEqual(preferred.logs, [
        'Warn /gai.conf:2: unknown keyword: write label, precedence, scopev4 or reload; skipped "nonsense\\u001b[2J"'
      ])
      assert.strictEqual(preferred.reads, 1)
      const absent = yield* withFile({}, use)
      assert.deepStrictEqual([absent.result, absent.logs], [["[::1]:0", "127.0.0.1:0"], []])
      assert.strictEqual((yield* withFile({ "/gai.conf": { error: "PermissionDenied" } }, use)).logs.length, 1)
    })
  )

  const files = [
    "label ::1/128 0\nlabel 2002::/16 2\nlabel fd00::/8 1\nprecedence ::ffff:0:0/96 100\n",
    "label ::/0 3\nprecedence ::/0 5\nprecedence ::/0 50\nprecedence 2001:db8::/32 4\nprecedence fec0::/10 60\n",
    "label ::ffff:10.0.0.0/104 9\nprecedence ::ffff:10.1.0.0/112 90\nscopev4 10.0.0.0/8 5\nscopev4 169.254.0.0/16 2\n",
    "label 2001:db8:1::7/64 4\nprecedence ::1/128 20\nscopev4 ::ffff:198.51.100.0/120 2\nscopev4 0.0.0.0/0 8\n",
    "precedence ::/96 7 extra words\nlabel fe80::/10 11\nnonsense 1 2\nlabel\nscopev4 127.0.0.0/8 14\nreload no\n"
  ]
  for (const [i, file] of files.entries()) {
    it.live.skipIf(missing !== "")(`parse gives the order of getaddrinfo for file ${i}${missing}`, () =>
      Effect.gen(function* () {
        // Pairs only: rule 9 compares addresses of one family, so that the order of more depends on the algorithm.
        const sets = pool.flatMap((one) => pool.flatMap((other) => (one === other ? [] : [[one, other]])))
        const all = pool.map((address) => NetAddress.inetAddressFromIpStringUnsafe(address, 0))
        const known = new Map(
          (yield* AddressInfo.candidates(all)).map((each) => [NetAddress.formatIp(each.destination), each])
        )
        const { policy, scopes } = GaiConf.parse(file).options
        const ours = sets.map((set) =>
          AddressOrder.sort(
            set.map((address) => known.get(NetAddress.formatIp(ip(address)))!),
            { policy, scopes, beyondSubnet: true }
          ).map(({ destination }) => NetAddress.formatIp(destination))
        )
        assert.deepStrictEqual(ours, systemOrder(sets, { gaiConf: `${file}${restOf(file)}` }).found)
      }).pipe(Effect.provide(NodeNetwork.layer))
    )
  }
})

/** The tables of RFC 6724 for the kinds that a file has no lines for: the libc has an older table. */
const restOf = (file: string) =>
  AddressOrder.rfc6724
    .flatMap(({ label, precedence, prefix }) => [
      /^label \S/m.test(file) ? "" : `label ${prefix} ${label}\n`,
      /^precedence/m.test(file) ? "" : `precedence ${prefix} ${precedence}\n`
    ])
    .join("")
