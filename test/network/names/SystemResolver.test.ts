import * as ChildProcess from "node:child_process"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
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

/** Files of a resolver in place of those of the host. */
type Files = Pick<SystemResolver.Options, "hostsFile" | "lookupFiles" | "queryFiles">

/** Uses a resolver of some files. Returns the results, the log, and how often the system's resolver was made. */
const use = (files: Files, ...uses: ReadonlyArray<(dns: Dns.Dns["Service"]) => Effect.Effect<string, Dns.DnsError>>) =>
  Effect.gen(function* () {
    const logs: Array<string> = []
    const logger = Logger.make(({ message }) => void logs.push(`${message}`))
    let made = 0
    const dns = yield* SystemResolver.make({
      lookupFiles: [],
      queryFiles: [],
      ...files,
      system: Effect.sync(() => {
        made++
        return system
      })
    })
    const found = yield* Effect.forEach(uses, (use) =>
      Effect.match(use(dns), { onSuccess: (text) => text, onFailure: ({ reason }) => reason })
    ).pipe(Effect.provide(Logger.layer([logger])))
    return { found, logs, made }
  }).pipe(Effect.provide(NodeFileSystem.layer))

const lookUp = (name: string, family?: NetAddress.IpFamily) => (dns: Dns.Dns["Service"]) =>
  Effect.map(dns.lookup(name, { family }), (addresses) => addresses.map(NetAddress.formatIp).join(" "))

const queryAddresses = (name: string) => (dns: Dns.Dns["Service"]) =>
  Effect.map(dns.resolve(name, "A"), ([{ address }]) => NetAddress.formatIp(address))

const reverse = (dns: Dns.Dns["Service"]) => Effect.map(dns.reverse("192.0.2.1"), ([name]) => `${name}`)

describe("SystemResolver", () => {
  it.live("asks the system if its files are regular or missing", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ hosts: "" })
      const files = [inRoot("hosts"), inRoot("none"), inRoot("hosts/x")]
      const uses = [lookUp("four.test"), queryAddresses("four.test")]
      assert.deepStrictEqual(yield* use({ lookupFiles: files, queryFiles: files }, ...uses), {
        found: ["192.0.2.1", "192.0.2.4"],
        logs: [],
        made: 1
      })
    }).pipe(Effect.scoped)
  )

  it.live("queries DNS instead if the system would wait for a FIFO or a device, and says so once", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      for (const path of [inRoot("fifo"), "/dev/zero"]) {
        const uses = ["four.test", "six.test", "none.test"].map((name) => lookUp(name))
        assert.deepStrictEqual(yield* use({ lookupFiles: [path] }, ...uses), {
          found: ["2001:db8::6 192.0.2.4", "2001:db8::6", "NotFound"],
          logs: [`${path}: is not a regular file; name one; resolving names by DNS alone`],
          made: 1
        })
      }
    }).pipe(Effect.scoped)
  )

  it.live("reads the hosts file alone if a query would wait for a file, too, and does not make the system's", () =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory({ hosts: "192.0.2.7 here.test\n2001:db8::7 here.test\n" })
      ChildProcess.execFileSync("mkfifo", [inRoot("fifo")])
      const files = { hostsFile: inRoot("hosts"), queryFiles: [inRoot("none"), inRoot("fifo")] }
      const uses = [
        lookUp("here.test"),
        lookUp("here.test", "IPv4"),
        lookUp("four.test"),
        queryAddresses("four.test"),
        reverse
      ]
      assert.deepStrictEqual(yield* use(files, ...uses), {
        found: ["2001:db8::7 192.0.2.7", "192.0.2.7", "Unknown", "Unknown", "Unknown"],
        logs: [`${inRoot("fifo")}: is not a regular file; name one; no name server is asked`],
        made: 0
      })
    }).pipe(Effect.scoped)
  )
})
