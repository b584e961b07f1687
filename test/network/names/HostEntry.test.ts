import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as HostEntry from "../../../src/network/names/HostEntry.ts"
import * as TextFiles from "../../support/TextFiles.ts"

const hostsFile = [
  "127.0.0.1 localhost # not this",
  "192.0.2.1 one.test uno",
  "192.0.2.2\tTwo.test  uno   dos",
  "2001:db8::1 one.test uno six.test",
  "fe80::1%lo0 localhost",
  "# 192.0.2.3 uno",
  "192.0.2.4",
  "nonsense uno"
].join("\r\n")

const show = (entry: HostEntry.HostEntry | undefined): object | undefined =>
  entry && { ...entry, addresses: entry.addresses.map(NetAddress.formatIp) }

const cname = (target: string) => Dns.makeRecordUnsafe("CNAME", { target: Host.domainNameFromStringUnsafe(target) })
const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`n${i}.test`, [cname(`n${i + 1}.test.`)]]))
const zone = Dns.layerStatic({
  hosts: {
    "www.test": ["192.0.2.8", "2001:db8::8"],
    "six.only.test": ["2001:db8::6"],
    uno: ["203.0.113.1"],
    "n0.test": ["192.0.2.9"],
    "x.invalid": ["192.0.2.6"]
  },
  records: {
    ...chain,
    "www.test": [cname("web.test.")],
    "web.test": [cname("Host.test.")],
    "o.test": [cname("p.test.")],
    "p.test": [cname("o.test.")]
  }
})
const withHosts = (text: string) => Layer.merge(Layer.orDie(zone), TextFiles.layer({ "/etc/hosts": text }))

describe("HostEntry", () => {
  it("fromHosts returns the first name of the first line as canonical, and the names of all matching lines", () => {
    const lines = HostEntry.parseHosts(hostsFile)
    const uno = {
      name: "one.test",
      aliases: ["uno", "Two.test", "dos"],
      family: 4,
      addresses: ["192.0.2.1", "192.0.2.2"]
    }
    assert.deepEqual(show(HostEntry.fromHosts(lines, "UNO")), uno)
    assert.deepEqual(show(HostEntry.fromHosts(lines, "uno.", 4)), uno)
    const six = { name: "one.test", aliases: ["uno", "six.test"], family: 6, addresses: ["2001:db8::1"] }
    assert.deepEqual(show(HostEntry.fromHosts(lines, "uno", 6)), six)
    assert.deepEqual(show(HostEntry.fromHosts(lines, "six.test")), six)
    assert.isUndefined(HostEntry.fromHosts(lines, "nobody"))
  })

  it.prop("parseHosts never throws", [Schema.String], ([text]) => {
    assert.isAtMost(HostEntry.parseHosts(text).length, text.split("\n").length)
  })

  it.effect("gethostbyname reads the hosts file first, then queries Dns and follows aliases", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* HostEntry.gethostbyname("uno")).name, "one.test")
      const www = { name: "host.test", aliases: ["web.test", "www.test"], family: 4, addresses: ["192.0.2.8"] }
      assert.deepEqual(show(yield* HostEntry.gethostbyname("www.test")), www)
      assert.deepEqual((yield* HostEntry.gethostbyname("www.test", { family: 6 })).family, 6)
      assert.deepEqual((yield* HostEntry.gethostbyname("six.only.test")).family, 6)
      const literal = { name: "::1", aliases: [], family: 6, addresses: ["::1"] }
      assert.deepEqual(show(yield* HostEntry.gethostbyname("::1")), literal)
    }).pipe(Effect.provide(withHosts(hostsFile)))
  )

  it.effect("gethostbyname works without a hosts file", () =>
    Effect.gen(function* () {
      assert.deepEqual((yield* HostEntry.gethostbyname("uno")).addresses.map(String), ["203.0.113.1"])
      assert.deepEqual((yield* HostEntry.gethostbyname("db.localhost")).addresses.map(String), ["127.0.0.1"])
    }).pipe(Effect.provide(Layer.merge(Layer.orDie(zone), TextFiles.layer({}))))
  )

  it.effect("a hosts file that cannot be read counts as empty, and is logged", () =>
    Effect.gen(function* () {
      const logs: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void logs.push(`${logLevel} ${message}`))
      const files = TextFiles.layer({ "/etc/hosts": { error: "PermissionDenied" } })
      const found = HostEntry.gethostbyname("uno").pipe(
        Effect.provide(Layer.mergeAll(Layer.orDie(zone), files, Logger.layer([logger])))
      )
      assert.deepEqual((yield* found).addresses.map(String), ["203.0.113.1"])
      assert.lengthOf(logs, 1)
      assert.match(logs[0]!, /^Warn \/etc\/hosts: .+; looking up without the file$/)
    })
  )

  it.effect("gethostbyname fails with a message of one line", () =>
    Effect.gen(function* () {
      const message = (host: string, family?: 4 | 6) =>
        Effect.map(Effect.flip(HostEntry.gethostbyname(host, { family })), (error) => error.message)
      assert.strictEqual(yield* message("nobody.test"), "nobody.test: no such host")
      assert.strictEqual(yield* message("x.invalid"), "x.invalid: no such host")
      assert.strictEqual(
        yield* message("six.only.test", 4),
        "six.only.test: no such host, or none with an IPv4 address"
      )
      assert.strictEqual(
        yield* message("::1", 4),
        "::1 is not an IPv4 address: leave the family out, or give an IPv4 address"
      )
      assert.strictEqual(yield* message("a\nb"), '"a\\nb" is not a host: invalid domain name')
    }).pipe(Effect.provide(withHosts("")))
  )

  it.effect("followAliases ends after eight names, at a loop, and after two seconds", () =>
    Effect.gen(function* () {
      const names = yield* HostEntry.followAliases("n0.test").pipe(Effect.provide(withHosts("")))
      assert.deepEqual(names, Array.from({ length: 8 }, (_, i) => `n${i}.test`) as never)
      assert.deepEqual(yield* HostEntry.followAliases("o.test").pipe(Effect.provide(withHosts(""))), [
        "o.test",
        "p.test"
      ])
      const silent = Dns.make({ lookup: () => Effect.never, resolve: () => Effect.never })
      const fiber = yield* HostEntry.followAliases("n0.test").pipe(
        Effect.provideService(Dns.Dns, silent),
        Effect.forkChild
      )
      yield* TestClock.adjust(1_999)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepEqual(yield* Fiber.join(fiber), ["n0.test"])
    })
  )

  const missing =
    spawnSync("unshare", ["-m", "mount", "--bind", "/tmp", "/tmp"]).status !== 0
      ? " (skipped: no right to a mount namespace)"
      : !/glibc|gnu libc/i.test(String(spawnSync("getent", ["--version"]).stdout))
        ? " (skipped: no getent of the GNU libc)"
        : ""
  const name = Arbitrary.schema(Schema.Literals(["a.test", "B.test", "b.test", "c", "d.e.test", "f-g"]))
  const line = Arbitrary.map(
    Arbitrary.all([
      Arbitrary.schema(Schema.Literals([1, 2, 3, 4])),
      Arbitrary.array(name, { minLength: 1, maxLength: 3 })
    ]),
    ([last, names]) => `192.0.2.${last}  ${names.join(" ")}`
  )
  it.effect.skipIf(missing !== "")(`fromHosts returns what getent returns for a hosts file${missing}`, () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "host-entry-"))),
        (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
      )
      for (const lines of yield* Arbitrary.sampleEffect(Arbitrary.array(line, { minLength: 1, maxLength: 12 }), {
        size: 8
      })) {
        Fs.writeFileSync(Path.join(folder, "hosts"), `${lines.join("\n")}\n`)
        const names = [...new Set(lines.flatMap((each) => each.split(/\s+/).slice(1)))]
        const ask = `for name in ${names.join(" ")}; do echo "name $name"; getent -s files ahostsv4 $name; done`
        const script = `mount --bind ${folder}/hosts /etc/hosts && ${ask}`
        const answers = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" })
          .split(/^name .*\n/m)
          .slice(1)
        const theirs = answers.map((answer) => {
          const rows = answer
            .trim()
            .split("\n")
            .map((row) => row.split(/\s+/))
          return { name: rows[0]![2], addresses: [...new Set(rows.map(([address]) => address))].sort() }
        })
        const ours = names.map((each) => {
          const entry = HostEntry.fromHosts(HostEntry.parseHosts(lines.join("\n")), each, 4)!
          return { name: entry.name, addresses: entry.addresses.map(String).sort() }
        })
        assert.deepStrictEqual(ours, theirs)
      }
    })
  )
})
