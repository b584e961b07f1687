/** The command `capture run` without dumpcap, and the flags beside `--capture`. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { inject } from "vitest"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import { interfaceNames } from "../../src/cli/run/capture/run/dumpcap.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

/** Decodes a file, which must be whole, and returns its packets. */
const packetsOf = (file: Uint8Array) =>
  Result.getOrThrow(PcapngDecoder.decode(file)).filter((block) => block._tag === "Packet")

const rot13 = Cli.serveInProcess(["rot13", "serve"])

it("interfaceNames has the names in a list of dumpcap -D", () => {
  const list = "1. eth0\n2. lo (Loopback)\n10. bluetooth-monitor (Bluetooth Linux Monitor)\nno interface\n"
  assert.deepStrictEqual(interfaceNames(list), ["eth0", "lo", "bluetooth-monitor"])
})

describe("capture run -- COMMAND", () => {
  it.live("prints the packets of the command, whose own output is on standard error", () =>
    Effect.gen(function* () {
      const { port } = yield* rot13
      const inner = ["rot13", "send", "127.0.0.1", `${port}`, "Hello"]
      const { code, stderr, stdout } = yield* Cli.runInProcess(["capture", "run", "--", ...inner])
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /^Uryyb$/m)
      const lines = stdout.trim().split("\n")
      assert.match(lines[0]!, new RegExp(`127.0.0.1:\\d+ > 127.0.0.1:${port} +TCP +0 +SYN`))
      assert.isTrue(lines.some((line) => line.includes('"Uryyb"')))
      for (const line of lines) assert.include(line, `127.0.0.1:${port}`)
    }).pipe(Effect.scoped)
  )

  it.live("prints JSON, up to a number of packets that match a filter", () =>
    Effect.gen(function* () {
      const { port } = yield* rot13
      const inner = ["rot13", "send", "127.0.0.1", `${port}`, "Hello"]
      const limits = ["--json", "--filter", `tcp.dstport == ${port}`, "--stop", "packets=2"]
      const { code, stderr, stdout } = yield* Cli.runInProcess(["capture", "run", ...limits, "--", ...inner])
      assert.strictEqual(code, 0, stderr)
      const packets = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { to: { port: number } })
      assert.deepStrictEqual(
        packets.map(({ to }) => to.port),
        [port, port]
      )
      assert.match(stderr, /^Uryyb$/m)
    }).pipe(Effect.scoped)
  )

  it.live("writes a file, and leaves standard output to the command", () =>
    Effect.gen(function* () {
      const { port } = yield* rot13
      const { inRoot } = yield* directory()
      const inner = ["rot13", "send", "127.0.0.1", `${port}`, "Hello"]
      const args = ["capture", "run", "--write", inRoot("x.pcapng"), "--snaplen", "40", "--", ...inner]
      const { code, stderr, stdout } = yield* Cli.runInProcess(args)
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(stdout, "Uryyb\n")
      const packets = packetsOf(Fs.readFileSync(inRoot("x.pcapng")))
      assert.isAbove(packets.length, 5)
      for (const packet of packets) assert.isAtMost(packet._tag === "Packet" ? packet.bytes.length : 99, 40)
    }).pipe(Effect.scoped)
  )

  it.live("fails as the command does, after its packets", () =>
    Effect.gen(function* () {
      const inner = ["tftp", "get", "tftp://127.0.0.1:9/x", "-o", "-", "--patience", "50ms"]
      const { code, stderr, stdout } = yield* Cli.runInProcess(["capture", "run", "--", ...inner])
      assert.strictEqual(code, 1)
      assert.match(stderr, /tftp:\/\/127.0.0.1:9\/x/)
      assert.match(stdout, /> 127.0.0.1:9 +TFTP .*RRQ/)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["an address that refuses", ["rot13", "send", "127.0.0.1", "1", "Hello"], /127\.0\.0\.1:1: connection refused/],
    ["a client that refuses", ["connect", "127.0.0.1", "1"], /127\.0\.0\.1:1: connection refused/],
    ["an unknown host", ["rot13", "send", "no-host.invalid", "1", "Hello"], /no-host\.invalid/]
  ] as const)("has the error and the exit code of a command without a connection: %s", ([, inner, message]) =>
    Effect.gen(function* () {
      for (const flags of [[], ["--json"], ["--filter", "udp"]]) {
        const { code, stderr } = yield* Cli.runInProcess(["capture", "run", ...flags, "--", ...inner])
        assert.strictEqual(code, 1, stderr)
        assert.match(stderr, message)
      }
    })
  )

  it.live.each([
    ["capture", "run", "-i", "lo"],
    ["--fault-seed", "7", "capture", "run", "--", "rot13", "send", "127.0.0.1", "9", "x"]
  ])("does not run another capture run: %j", (inner) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(["capture", "run", "--", ...inner])
      assert.strictEqual(code, 2, stderr)
      assert.strictEqual(stdout, "")
      const line = /^effect-inet: capture run does not run another capture run, .*; give the inner one alone\n$/
      assert.match(stderr, line)
    })
  )

  it.live.each([
    [["-i", "lo", "--", "demo", "loss"], "a command and --interface exclude each other"],
    [["--ring", "size=1K"], "--ring needs --write"],
    [["--ring", "size=1K", "--write", "-"], "--ring and --write - exclude each other"],
    [["--json", "--write", "x"], "--json and --write exclude each other"],
    [["-i", ","], "--interface has no name"],
    [["--filter", "tcp.prot == 80"], "--filter: "],
    [["--ring", "files=3"], "expected: size=BYTES"],
    [["--stop", "packets=0"], "expected: size=BYTES"],
    [["--snaplen", "0"], "expected: a number of bytes"]
  ] as const)("%j is wrong usage, in one line", ([args, message]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["capture", "run", ...args])
      assert.strictEqual(code, 2, stderr)
      assert.include(stderr.toLowerCase(), message.toLowerCase())
    })
  )
})

describe("the flags beside --capture", () => {
  it.live("write a ring of files, of packets that match a filter", () =>
    Effect.gen(function* () {
      const { port } = yield* rot13
      const { inRoot, root } = yield* directory()
      const { code, stderr } = yield* Cli.runInProcess([
        ...["rot13", "send", "--capture", inRoot("x.pcapng"), "--capture-ring", "packets=2,files=2"],
        ...["--capture-filter", `tcp.dstport == ${port}`, "--capture-snaplen", "20"],
        ...["127.0.0.1", `${port}`, "Hello", "World"]
      ])
      assert.strictEqual(code, 0, stderr)
      const names = Fs.readdirSync(root).sort()
      assert.strictEqual(names.length, 2)
      for (const name of names) {
        assert.match(name, /^x_\d{5}_\d{14}\.pcapng$/)
        for (const packet of packetsOf(Fs.readFileSync(inRoot(name))))
          assert.strictEqual(packet._tag === "Packet" ? packet.bytes.length : 0, 20)
      }
    }).pipe(Effect.scoped)
  )

  it.live("are wrong usage without --capture, unless the environment has them", () =>
    Effect.gen(function* () {
      const { port } = yield* rot13
      const send = ["rot13", "send", "127.0.0.1", `${port}`, "Hello"]
      const { code, stderr } = yield* Cli.runInProcess([...send, "--capture-snaplen", "20"])
      assert.strictEqual(code, 2)
      assert.strictEqual(stderr, "effect-inet: --capture-snaplen needs --capture: name the file to write\n")
      const env = { EFFECT_INET_CAPTURE_SNAPLEN: "20" }
      assert.strictEqual((yield* Cli.runInProcess(send, { env })).code, 0)
    }).pipe(Effect.scoped)
  )
})

describe.skipIf(process.platform === "win32")("--capture -", () => {
  it.live("is wrong usage if results go to standard output", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(["rot13", "send", "127.0.0.1", "9", "Hello", "--capture", "-"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /--capture -: the results of this command go to standard output; name a file or a pipe/)
    })
  )

  it.live.each(["pipe", "socket", "file"] as const)("writes to standard output that is a %s", (kind) =>
    Effect.gen(function* () {
      const { inRoot } = yield* directory()
      const stdout = kind === "pipe" ? `| cat > ${inRoot("out")}` : kind === "file" ? `> ${inRoot("out")}` : ""
      const put = yield* Cli.serveInProcess(["tftp", "serve", "--root", inRoot(""), "--write", "create"])
      Fs.writeFileSync(inRoot("data"), "some data")
      const url = `tftp://127.0.0.1:${put.port}/copy-${kind}`
      const command = [process.execPath, "--conditions=effect-inet-source", inject("command"), "tftp", "put"]
        .concat([inRoot("data"), url, "--capture", "-"])
        .join(" ")
      const result = yield* Effect.promise(
        () =>
          new Promise<{ stdout: Buffer; stderr: string; code: number | null }>((resolve) => {
            const child = ChildProcess.spawn("sh", ["-c", `${command} ${stdout}`], {
              stdio: ["ignore", "pipe", "pipe"]
            })
            const parts: Record<"stdout" | "stderr", Array<Buffer>> = { stdout: [], stderr: [] }
            for (const name of ["stdout", "stderr"] as const) child[name].on("data", (bytes) => parts[name].push(bytes))
            child.on("close", (code) =>
              resolve({ code, stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr).toString() })
            )
          })
      )
      assert.strictEqual(result.code, 0, result.stderr)
      const bytes = kind === "socket" ? result.stdout : Fs.readFileSync(inRoot("out"))
      assert.isAtLeast(packetsOf(bytes).length, 4)
      assert.strictEqual(Fs.readFileSync(inRoot(`copy-${kind}`), "utf8"), "some data")
    }).pipe(Effect.scoped)
  )
})
