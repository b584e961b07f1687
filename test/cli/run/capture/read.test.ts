import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as CaptureWriter from "../../../../src/capture/CaptureWriter.ts"
import type { Kind, ObservedPacket } from "../../../../src/network/Packet.ts"
import * as Cli from "../../../support/Cli.ts"
import { onWire } from "../../../support/capture/OnWire.ts"
import { directory } from "../../../support/Directory.ts"

const client = { address: "10.0.0.1", port: 40_000 }
const server = { address: "10.0.0.2", port: 80 }

const encode = (text: string) => new TextEncoder().encode(text)

/** A request over TCP with its reply, and two datagrams to another port, of which one is lost. */
const bytesOfCapture = () => {
  const writer = CaptureWriter.make({ names: { "10.0.0.2": "server" } })
  let at = 1_700_000_000_000_000_000n
  const see = (kind: Kind, back: boolean, text = "", more: Partial<ObservedPacket> = {}) => {
    at += 1_000_000n
    const [from, to] = back ? [server, client] : [client, server]
    const transport = kind === "datagram" ? ("udp" as const) : ("tcp" as const)
    writer.tap({ transport, kind, from, to, bytes: encode(text), at, host: "wire", ...more })
  }
  see("syn", false)
  see("synack", true)
  see("ack", false)
  see("data", false, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
  see("data", true, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\u0000\u0001")
  see("fin", false)
  see("fin", true)
  const to = { ...server, port: 6_969 }
  see("datagram", false, "\u0000\u0003\u0000\u0001data", { to })
  see("datagram", false, "again\u202e", { to, fault: "drop", lost: true })
  return onWire(Buffer.concat(writer.finish()))
}

const capture = Effect.map(directory(), (folder) => {
  const file = folder.inRoot("out.pcapng")
  Fs.writeFileSync(file, bytesOfCapture())
  return { ...folder, file }
})

/** Runs `capture read` on a file, which must succeed without messages; returns its lines. */
const read = (file: string, ...args: ReadonlyArray<string>) =>
  Effect.map(Cli.runInProcess(["capture", "read", file, ...args]), ({ code, stderr, stdout }) => {
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    return stdout.split("\n").slice(0, -1)
  })

const parsed = (lines: ReadonlyArray<string>) => lines.map((line) => JSON.parse(line) as Record<string, unknown>)

describe("capture read", () => {
  it.live("--filter shows the packets that match, with the numbers of all", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      assert.lengthOf(yield* read(file, "--filter", "udp"), 2)
      assert.lengthOf(yield* read(file, "--filter", "tcp.flags.syn == 1"), 2)
      const [http] = parsed(yield* read(file, "--json", "--filter", "http.request.method == GET"))
      assert.deepInclude(http, { number: 4, stream: 0, protocol: "TCP" })
      const rtt = yield* read(file, "--json", "--filter", "tcp.analysis.ack_rtt")
      assert.isAbove(rtt.length, 0)
      for (const packet of parsed(rtt)) assert.isString(packet.rtt)
    }).pipe(Effect.scoped)
  )

  it.live("--filter with an error is wrong usage, and marks the character", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const { code, stderr, stdout } = yield* Cli.runInProcess([
        "capture",
        "read",
        file,
        "--filter",
        "udp && tcp.prot == 1"
      ])
      assert.strictEqual(code, 2)
      assert.strictEqual(stdout, "")
      const [text, mark, message] = stderr.split("\n")
      assert.deepStrictEqual([text, mark], ["  udp && tcp.prot == 1", "         ^"])
      assert.match(message!, /^effect-inet: --filter: at character 8: expected the name of a field, found "tcp\.prot"/)
    }).pipe(Effect.scoped)
  )

  it.live("--decode-as decodes the packets of a port as a protocol, and rejects an unknown one", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const lines = yield* read(file, "--decode-as", "6969=tftp", "--filter", "tftp")
      assert.include(lines[0], "DATA block 1, 4 bytes")
      const { code, stderr } = yield* Cli.runInProcess(["capture", "read", file, "--decode-as", "6969=nosuch"])
      assert.strictEqual(code, 2)
      assert.match(stderr, /^effect-inet: cannot decode as "6969=nosuch": unknown protocol; one of .*tftp/)
    }).pipe(Effect.scoped)
  )

  it.live("--count ends after a number of packets", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      assert.lengthOf(yield* read(file, "--count", "3"), 3)
      assert.lengthOf(yield* read(file, "--count", "1", "--filter", "udp"), 1)
    }).pipe(Effect.scoped)
  )

  it.live("--follow prints both directions as text or hex, and --follow-raw the bytes of one", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const lines = yield* read(file, "--follow", "0")
      assert.deepStrictEqual(lines.slice(0, 4), [
        "tcp.stream == 0: client 10.0.0.1:40000, server 10.0.0.2:80",
        "> GET / HTTP/1.1",
        "> Host: x",
        "> "
      ])
      assert.include(lines[4], "< 00000000  48 54 54 50 2f 31 2e 31  20 32 30 30 20 4f 4b 0d  |HTTP/1.1 200 OK.|")
      assert.strictEqual(lines.at(-1), "client 27 bytes in 1 packet; server 40 bytes in 1 packet")
      const raw = yield* Cli.run(["capture", "read", file, "--follow", "0", "--follow-raw", "client"])
      assert.strictEqual(raw.stdout.toString(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      const udp = yield* read(file, "--follow", "udp:0")
      assert.deepStrictEqual(udp[0], "udp.stream == 0: client 10.0.0.1:40000, server 10.0.0.2:6969")
      const pieces = parsed(yield* read(file, "--follow", "0", "--json"))
      assert.deepInclude(pieces[0], {
        side: "client",
        number: 4,
        length: 27,
        text: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
      })
      assert.isString(pieces[1]!.base64)
    }).pipe(Effect.scoped)
  )

  it.live("--follow names a stream that the capture does not have", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const { code, stderr } = yield* Cli.runInProcess(["capture", "read", file, "--follow", "7"])
      assert.strictEqual(stderr, `effect-inet: ${file}: no packet of tcp.stream == 7: --statistics lists the streams\n`)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("--statistics prints totals, a plot and conversations in any width", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      for (const width of [60, 80, 120, 200]) {
        const lines = yield* read(file, "--statistics", "--width", `${width}`)
        for (const line of lines) assert.isAtMost(Array.from(line).length, width)
        const text = lines.join("\n")
        assert.match(text, /\d+\s+packets,\s+[\d.]+\s+(kB|bytes)\s+in/)
        assert.match(text, /^TCP +\d+ +\d+ +\d+\.\d %$/m)
        assert.match(text, /^ *tcp 0 +10\.0\.0\.1:40000 +10\.0\.0\.2:80/m)
        assert.include(text, "█")
      }
      const [json] = parsed(yield* read(file, "--statistics", "--json"))
      const conversations = json!.conversations as ReadonlyArray<Record<string, unknown>>
      assert.lengthOf(conversations, 2)
      assert.deepInclude(conversations[1], { protocol: "UDP", stream: 0, received: { packets: 0, bytes: 0 } })
      assert.strictEqual(conversations[0]!.handshake, "0.002000000")
    }).pipe(Effect.scoped)
  )

  it.live("--svg and --html write files, and say why they cannot", () =>
    Effect.gen(function* () {
      const { file, inRoot } = yield* capture
      const [svg, html] = [inRoot("plot.svg"), inRoot("page.html")]
      assert.deepStrictEqual(yield* read(file, "--svg", svg, "--html", html), [])
      assert.match(Fs.readFileSync(svg, "utf8"), /^<svg /)
      const page = Fs.readFileSync(html, "utf8")
      assert.include(page, "GET /")
      assert.notMatch(page, /<script|\u202e/)
      const { code, stderr } = yield* Cli.runInProcess(["capture", "read", file, "--svg", inRoot("no/plot.svg")])
      assert.strictEqual(stderr, `effect-inet: ${inRoot("no/plot.svg")}: no such file or directory\n`)

      const before = Fs.readFileSync(file)
      Fs.symlinkSync(file, inRoot("link"))
      for (const outputs of [
        ["--svg", file],
        ["--html", inRoot("link")],
        ["--svg", inRoot("one"), "--html", inRoot("one")]
      ]) {
        const refused = yield* Cli.runInProcess(["capture", "read", file, ...outputs])
        assert.strictEqual(refused.code, 2)
        assert.match(refused.stderr, /are one file/)
      }
      assert.deepStrictEqual(Fs.readFileSync(file), before)
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("--notes lists the notes on segments", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const reset = CaptureWriter.make()
      const packet = { transport: "tcp", from: client, to: server, bytes: new Uint8Array(0), host: "a" } as const
      reset.tap({ ...packet, kind: "syn", at: 0n })
      reset.tap({ ...packet, kind: "rst", from: server, to: client, at: 2_000_000n })
      Fs.writeFileSync(file, Buffer.concat(reset.finish()))
      assert.deepStrictEqual(yield* read(file, "--notes"), [
        "      2   0.002000000  tcp 0  10.0.0.2:80 > 10.0.0.1:40000  reset"
      ])
      const [note] = parsed(yield* read(file, "--notes", "--json"))
      assert.deepInclude(note, { number: 2, stream: 0, note: "reset", severity: "warning" })
    }).pipe(Effect.scoped)
  )

  it.live("- reads standard input, for every output", () =>
    Effect.gen(function* () {
      const { file } = yield* capture
      const stdin = bytesOfCapture()
      for (const args of [[], ["--json"], ["--diagram", "text"], ["--follow", "0"]]) {
        const piped = yield* Cli.runInProcess(["capture", "read", "-", ...args], { stdin })
        assert.strictEqual(piped.code, 0)
        assert.deepStrictEqual(piped.stdout.split("\n").slice(0, -1), yield* read(file, ...args))
      }
      const short = yield* Cli.runInProcess(["capture", "read", "-"], { stdin: stdin.subarray(0, -3) })
      assert.match(short.stderr, /^effect-inet: standard input: at byte \d+: expected /)
      assert.strictEqual(short.code, 1)
    }).pipe(Effect.scoped)
  )

  it.live("- prints packets as they come, and ends with 0 when it is asked to", () =>
    Effect.gen(function* () {
      const list = yield* Cli.start(["capture", "read", "-"])
      list.stdin.write(bytesOfCapture())
      yield* list.waitForOutput("stdout", /again/)
      yield* list.kill("SIGINT")
      assert.strictEqual((yield* list.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("ends quietly when the reader of its output does", () =>
    Effect.gen(function* () {
      const running = yield* Cli.start(["capture", "read", "-"])
      const bytes = bytesOfCapture()
      running.stdin.write(bytes)
      yield* running.waitForOutput("stdout", /SYN/)
      running.stdout.destroy()
      // The next lines find that the reader has gone.
      const timer = setInterval(() => running.stdin.write(bytes), 20)
      yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(timer)))
      const { code, stderr } = yield* running.ended
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
    }).pipe(Effect.scoped)
  )

  const conflicts: ReadonlyArray<readonly [args: string, message: string]> = [
    ["--follow 0 --statistics", "--follow and --statistics exclude each other: give one of them"],
    ["--notes --diagram text", "--notes and --diagram exclude each other: give one of them"],
    ["--json --diagram text", "--json and --diagram exclude each other: give one of them"],
    ["--follow-raw client", "--follow-raw needs the stream: add --follow N"],
    [
      "--follow 0 --follow-raw client --json",
      "--follow-raw and --json exclude each other: raw bytes are not JSON; leave one out"
    ],
    [
      "--svg a.svg --notes",
      "--svg and --html write the statistics of a capture: give them alone, or with --statistics"
    ],
    ["--top 5", "--top shortens the text of --statistics: add --statistics without --json, or leave it out"],
    ["--svg - --html -", "--statistics, --svg - and --html - write to standard output: give one of them, or a file"],
    [
      "--statistics --html -",
      "--statistics, --svg - and --html - write to standard output: give one of them, or a file"
    ],
    ["--svg a.svg --json", "--json prints nothing with --svg or --html alone: add --statistics, or leave it out"]
  ]
  it.live.each(conflicts)("%s", ([args, message]) =>
    Effect.gen(function* () {
      const ended = yield* Cli.runInProcess(["capture", "read", "/dev/null", ...args.split(" ")])
      assert.strictEqual(ended.stderr, `effect-inet: ${message}\n`)
      assert.strictEqual(ended.code, 2)
    })
  )
})
