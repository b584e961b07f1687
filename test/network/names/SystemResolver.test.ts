import * as ChildProcess from "node:child_process"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as SystemResolver from "../../../src/network/names/SystemResolver.ts"
import { directory } from "../../support/Directory.ts"

const ip = NetAddress.ipFromStringUnsafe

/** A resolver whose look-up and queries have different answers. */
const system = Dns.make({
  lookup: () => Effect.succeed([ip("192.0.2.1")]),
  resolve: (name, type) =>
    type === "A" && name.startsWith("four")
      ? Effect.succeed([
          Dns.makeRecordUnsafe("A", { address: NetAddress.ipv4FromBytesUnsafe(Uint8Array.of(192, 0, 2, 4)) })
        ])
      : type === "AAAA" && !name.startsWith("none")
        ? Effect.succeed([
            Dns.makeRecordUnsafe("AAAA", { address: Result.getOrThrow(NetAddress.ipv6FromString("2001:db8::6")) })
          ])
        : Effect.fail(new Dns.DnsError({ reason: "NotFound", method: "resolve", hostname: name, recordType: type }))
})

/** Looks names up one after the other with a resolver of some files. Returns the addresses and the log. */
const lookUp = (files: ReadonlyArray<string>, ...names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const logs: Array<string> = []
    const logger = Logger.make(({ message }) => void logs.push(`${message}`))
    const dns = yield* SystemResolver.make({ files }).pipe(
      Effect.provideService(Dns.Dns, system),
      Effect.provide(NodeFileSystem.layer)
    )
    const found = yield* Effect.forEach(names, (name) =>
      Effect.match(dns.lookup(name), {
        onSuccess: (addresses) => addresses.map(NetAddress.formatIp).join(" "),
        onFailure: ({ reason }) => reason
      })
    ).pipe(Effect.provide(Layer.mergeAll(Logger.layer([logger]))))
    return { found, logs }
  })

describe("SystemResolver", () => {
  it.live("asks the system if its files are regular or missing", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ hosts: "" })
      assert.deepStrictEqual(yield* lookUp([inRoot("hosts"), inRoot("none"), inRoot("hosts/x")], "four.test"), {
        found: ["192.0.2.1"],
        logs: []
      })
    }).pipe(Effect.scoped)
  )

  it.live("queries DNS instead if the system would wait for a FIFO or a device, and says so once", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      for (const path of [inRoot("fifo"), "/dev/zero"]) {
        assert.deepStrictEqual(yield* lookUp([path], "four.test", "six.test", "none.test"), {
          found: ["2001:db8::6 192.0.2.4", "2001:db8::6", "NotFound"],
          logs: [`${path}: is not a regular file; name one; resolving names by DNS alone`]
        })
      }
    }).pipe(Effect.scoped)
  )
})
