import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import { builtIn } from "../../../src/network/names/WellKnownServices.ts"
import * as TextFiles from "../../support/TextFiles.ts"

const text = [
  "# comment",
  "",
  "http\t\t80/tcp\t\twww www-http\t# WorldWideWeb",
  "domain 53/tcp",
  "domain 53/udp",
  "  tftp 69/udp\r",
  "diameter 3868/sctp",
  "late 80/tcp"
].join("\n")

const { getservbyname, getservbyport, resolve } = ServiceNames.table(ServiceNames.parse(text).services)
const portOf = (found: Option.Option<ServiceNames.Service>) => Option.getOrUndefined(found)?.port
const nameOf = (found: Option.Option<ServiceNames.Service>) => Option.getOrUndefined(found)?.name

describe("ServiceNames", () => {
  it("table finds services by name, alias, port and protocol", () => {
    assert.deepStrictEqual(Option.getOrUndefined(getservbyname("http", "tcp")), {
      name: "http",
      aliases: ["www", "www-http"],
      port: 80,
      protocol: "tcp"
    })
    assert.strictEqual(nameOf(getservbyname("www-http")), "http")
    assert.strictEqual(portOf(getservbyname("http", "udp")), undefined)
    assert.strictEqual(portOf(getservbyname("HTTP")), undefined)
    assert.strictEqual(Option.getOrUndefined(getservbyname("domain", "udp"))?.protocol, "udp")
    assert.strictEqual(Option.getOrUndefined(getservbyname("domain"))?.protocol, "tcp")
    assert.strictEqual(nameOf(getservbyport(69)), "tftp")
    assert.strictEqual(nameOf(getservbyport(69, "tcp")), undefined)
    assert.strictEqual(nameOf(getservbyport(3868, "sctp")), "diameter")
    assert.strictEqual(nameOf(getservbyport(80)), "http")
  })

  it("parse skips malformed lines and returns them with their number", () => {
    const { services, skippedLines } = ServiceNames.parse(
      "good 1/tcp\nlonely\nx abc/tcp # why\n\ny 65536/udp\nz 80\nw 80/\nv 80/a/b\nlast 2/udp"
    )
    assert.deepStrictEqual(
      services.map(({ name }) => name),
      ["good", "last"]
    )
    assert.deepStrictEqual(
      skippedLines.map(({ line }) => line),
      [2, 3, 5, 6, 7, 8]
    )
    assert.deepStrictEqual(skippedLines[1], {
      line: 3,
      text: "x abc/tcp # why",
      reason: 'port "abc" is not a number from 0 to 65535'
    })
  })

  it("parse reads a port as strtoul with base 0 does", () => {
    const ports = ["010", "0x50", "0X1f", "+7", "00", "0", "65535", "0177777", "0xffff", "80/"]
    const { octalPorts, services, skippedLines } = ServiceNames.parse(ports.map((port) => `x ${port}/tcp`).join("\n"))
    assert.deepStrictEqual(
      services.map(({ port }) => port),
      [8, 80, 31, 7, 0, 0, 65_535, 65_535, 65_535, 80]
    )
    assert.deepStrictEqual(skippedLines, [])
    assert.deepStrictEqual(octalPorts, [
      { line: 1, digits: "010", port: 8 },
      { line: 8, digits: "0177777", port: 65_535 }
    ])
  })

  it("parse skips a port that strtoul does not accept as a whole, and says why", () => {
    const ports = ["08", "0x", "0b11", "12x", "", "-1", "65536", "0200000", "1e3", "9".repeat(400)]
    const { services, skippedLines } = ServiceNames.parse(ports.map((port) => `x ${port}/tcp`).join("\n"))
    assert.deepStrictEqual(services, [])
    assert.strictEqual(skippedLines.length, ports.length)
    assert.strictEqual(
      skippedLines[0]!.reason,
      'port "08" is not a number from 0 to 65535 (a number that begins with 0 is octal)'
    )
    assert.strictEqual(ServiceNames.parse("x \u001b[2J/tcp").skippedLines[0]!.reason.includes("\u001b"), false)
  })

  it("resolve accepts names and numbers, and fails with a message of one line for others", () => {
    assert.deepStrictEqual(resolve("http", "tcp"), Result.succeed(80))
    assert.deepStrictEqual(resolve("0080"), Result.succeed(80))
    assert.deepStrictEqual(resolve(0), Result.succeed(0))
    assert.deepStrictEqual(resolve(65535), Result.succeed(65535))
    const wrong = (service: string | number, protocol?: string) =>
      Result.getOrThrow(Result.flip(resolve(service, protocol)))
    for (const port of [65536, "65536", "-1", -1, 1.5, Number.NaN, "9".repeat(400)]) {
      assert.strictEqual(wrong(port).reason._tag, "InvalidPort")
    }
    assert.strictEqual(wrong("65536").message, "invalid port 65536: must be a whole number from 0 to 65535")
    assert.strictEqual(
      wrong("abc", "tcp").message,
      'unknown service "abc" over tcp: give a name of the services file or a port from 0 to 65535'
    )
    assert.notInclude(wrong("a\nb").message, "\n")
    assert.strictEqual(wrong("").reason._tag, "UnknownService")
  })

  it("withPackageServices adds the package's services, unless the file has the name", () => {
    const own = ServiceNames.table(
      ServiceNames.withPackageServices(ServiceNames.parse("rot13 7777/tcp\nalien 1066/tcp guess").services)
    )
    assert.strictEqual(portOf(own.getservbyname("rot13", "tcp")), 7777)
    assert.strictEqual(portOf(own.getservbyname("rot13", "udp")), undefined)
    assert.strictEqual(portOf(own.getservbyname("guess")), 1066)
    assert.strictEqual(portOf(own.getservbyname("status", "udp")), 2066)
    assert.strictEqual(nameOf(own.getservbyport(1066, "tcp")), "alien")
    assert.strictEqual(portOf(own.getservbyname("hangman")), 1066)
  })

  it("withPackageServices names the other port of TFTP, whose name has its own port", () => {
    const withFile = (file: string) =>
      ServiceNames.table(ServiceNames.withPackageServices(ServiceNames.parse(file).services))
    const usual = withFile("tftp 69/udp")
    assert.strictEqual(nameOf(usual.getservbyport(6969, "udp")), "tftp")
    assert.strictEqual(portOf(usual.getservbyname("tftp", "udp")), 69)
    assert.strictEqual(nameOf(withFile("acmsoda 6969/udp\ntftp 69/udp").getservbyport(6969, "udp")), "acmsoda")
    assert.strictEqual(portOf(withFile("").getservbyname("tftp", "udp")), undefined)
  })

  const word = Arbitrary.schema(Schema.Literals(["a", "b", "c", "a/tcp", "1"]))
  const serviceArbitrary = Arbitrary.all({
    name: word,
    aliases: Arbitrary.array(word, { maxLength: 2 }),
    port: Arbitrary.schema(Schema.Literals([1, 2, 3])),
    protocol: Arbitrary.schema(Schema.Literals(["tcp", "udp"]))
  })
  it.prop(
    "table finds what a linear search finds",
    [
      Arbitrary.array(serviceArbitrary, { maxLength: 8 }),
      word,
      Schema.Literals([1, 2, 3]),
      Schema.UndefinedOr(Schema.Literals(["tcp", "udp"]))
    ],
    ([services, name, port, protocol]) => {
      const table = ServiceNames.table(services)
      const search = (has: (service: ServiceNames.Service) => boolean) =>
        services.find((service) => has(service) && (protocol === undefined || service.protocol === protocol))
      assert.strictEqual(
        Option.getOrUndefined(table.getservbyname(name, protocol)),
        search((service) => service.name === name || service.aliases.includes(name))
      )
      assert.strictEqual(
        Option.getOrUndefined(table.getservbyport(port, protocol)),
        search((service) => service.port === port)
      )
    }
  )

  it.prop("parse never throws, and returns each line at most once", [Schema.String], ([any]) => {
    const { services, skippedLines } = ServiceNames.parse(any)
    assert.isAtMost(skippedLines.length + services.length, any.split("\n").length)
  })

  const load = (...entries: ReadonlyArray<Parameters<typeof TextFiles.layer>[0][string]>) => {
    const logs: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void logs.push(`${logLevel} ${message}`))
    return ServiceNames.make({ path: "/services" }).pipe(
      Effect.provide(
        Layer.merge(
          TextFiles.layer(Object.fromEntries(entries.map((entry) => ["/services", entry]))),
          Logger.layer([logger])
        )
      ),
      Effect.map((names) => ({ names, logs }))
    )
  }

  it.effect("make logs one warning for each malformed line and each octal port", () =>
    Effect.gen(function* () {
      const { logs, names } = yield* load("http 80/tcp\nbad\nworse x/y\nten 010/tcp")
      assert.deepStrictEqual(
        names.skippedLines.map(({ line }) => line),
        [2, 3]
      )
      assert.deepStrictEqual(logs, [
        'Warn /services:2: no port: write NAME PORT/PROTOCOL and any aliases; skipped "bad"',
        'Warn /services:3: port "x" is not a number from 0 to 65535; skipped "worse x/y"',
        "Warn /services:4: port 010 begins with 0 and is octal: 8; write 8"
      ])
      assert.strictEqual(portOf(names.getservbyname("ten")), 8)
    })
  )

  it.effect("make uses the built-in table if the file is missing or unreadable", () =>
    Effect.gen(function* () {
      const { logs, names } = yield* load()
      assert.strictEqual(portOf(names.getservbyname("www", "tcp")), 80)
      assert.strictEqual(portOf(names.getservbyname("rot13", "tcp")), 1067)
      assert.deepStrictEqual(logs, [])
      const unreadable = yield* load({ error: "PermissionDenied" })
      assert.strictEqual(portOf(unreadable.names.getservbyname("tftp", "udp")), 69)
      assert.strictEqual(unreadable.logs.length, 1)
    })
  )

  it.effect("layerBuiltIn reads no file", () =>
    Effect.gen(function* () {
      const names = yield* ServiceNames.ServiceNames
      assert.isAtLeast(new Set(names.services.map(({ name }) => name)).size, 60)
      assert.strictEqual(portOf(names.getservbyname("rot13", "udp")), 1067)
    }).pipe(Effect.provide(ServiceNames.layerBuiltIn))
  )

  it("builtIn is a valid services file without duplicates", () => {
    const lines = builtIn.map(({ aliases, name, port, protocol }) =>
      [name, `${port}/${protocol}`, ...aliases].join(" ")
    )
    assert.deepStrictEqual(ServiceNames.parse(lines.join("\n")), {
      services: builtIn,
      skippedLines: [],
      octalPorts: []
    })
    assert.strictEqual(new Set(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).size, lines.length)
  })

  const missing = !Fs.existsSync("/etc/services")
    ? " (skipped: no /etc/services)"
    : spawnSync("getent", ["--version"]).error !== undefined
      ? " (skipped: no getent)"
      : ""
  it.effect.skipIf(missing !== "")(
    `layer finds what getent finds, for every name, alias and port of the services file${missing}`,
    () =>
      Effect.gen(function* () {
        const names = yield* ServiceNames.ServiceNames
        const { services } = ServiceNames.parse(Fs.readFileSync("/etc/services", "utf8"))
        const keys = services.flatMap(({ aliases, name, port, protocol }) =>
          [name, ...aliases, port].flatMap((key) => [`${key}`, `${key}/${protocol}`])
        )
        // The system may consult other sources, but entries of the file come first.
        const theirs = execFileSync("getent", ["-s", "files", "services", ...keys], { encoding: "utf8" })
          .trim()
          .split("\n")
        const ours = keys.map((key) => {
          const [name, protocol] = key.split("/")
          const found = /^\d+$/.test(name!)
            ? names.getservbyport(Number(name), protocol)
            : names.getservbyname(name!, protocol)
          const { aliases, port, protocol: over, name: official } = Option.getOrThrow(found)
          return [official, `${port}/${over}`, ...aliases].join(" ")
        })
        assert.deepStrictEqual(
          ours,
          theirs.map((line) => line.split(/\s+/).join(" "))
        )
      }).pipe(Effect.provide(ServiceNames.layer().pipe(Layer.provide(NodeFileSystem.layer))))
  )

  const noNamespace =
    missing ||
    (spawnSync("unshare", ["-m", "mount", "--bind", "/tmp", "/tmp"]).status === 0
      ? ""
      : " (skipped: no right to a mount namespace)")
  it.skipIf(noNamespace !== "")(`parse reads ports as getent does${noNamespace}`, () => {
    const digits = ["0", "1", "7", "8", "9", "x", "X", "f", "b", "+", "12", "010", "0x"]
    const ports = digits.flatMap((one) => digits.flatMap((two) => ["", ...digits].map((three) => one + two + three)))
    const text = ports.map((port, i) => `s${i} ${port}/tcp`).join("\n")
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "services-"))
    try {
      Fs.writeFileSync(Path.join(folder, "services"), text)
      const script = `mount --bind ${folder}/services /etc/services && getent -s files services`
      const theirs = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" })
      const ours = ServiceNames.parse(text).services.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`)
      // The libc takes a number above 65535 modulo 65536; here it is not a port.
      const inRange = (line: string) =>
        ours.includes(line) || !isOutOfRange(ports[Number(line.slice(1).split(" ")[0])]!)
      const isOutOfRange = (port: string) => Number(/^\+?0[0-7]/.test(port) ? `0o${port.slice(1)}` : port) > 0xffff
      assert.deepStrictEqual(
        ours,
        theirs
          .trim()
          .split("\n")
          .map((line) => line.split(/\s+/).join(" "))
          .filter(inRange)
      )
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})
