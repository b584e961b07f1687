/** The proxy between foreign programs: curl reads from dnsmasq's TFTP server. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"

const missing = [
  TftpPeers.skipReason("dnsmasq"),
  TftpPeers.isInstalled("curl") ? undefined : "curl with tftp not installed"
].filter((reason) => reason !== undefined)
const hasTshark = ChildProcess.spawnSync("tshark", ["--version"]).error === undefined

/** Directory that the user of the TFTP server can read. */
const directory = Effect.acquireRelease(
  Effect.sync(() => {
    const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))
    Fs.chmodSync(path, 0o755)
    return path
  }),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

interface Shown {
  readonly summary: string
  readonly comments: ReadonlyArray<string>
  readonly to: { readonly address: string; readonly port: number }
}

/** Reads 60 kB in 43 blocks through a proxy; returns the result, the proxy's statistics and the capture. */
const fetch = Effect.fnUntraced(function* (plan: string, seed: number, seconds: number) {
  const root = yield* directory
  const file = pseudoRandomBytes(60_000)
  Fs.writeFileSync(Path.join(root, "file"), file)
  const server = yield* TftpPeers.start("dnsmasq", root)
  const capture = Path.join(root, "out.pcapng")
  const proxy = yield* Cli.startInProcess([
    ...["impair", "--listen", "127.0.0.1:0", "--to", `${server.address}:${server.port}`, "--json"],
    ...["--plan", plan, "--seed", `${seed}`, "--capture", capture]
  ])
  const [line] = yield* proxy.waitForOutput("stdout", /^\{.*\}$/m)
  const { port } = JSON.parse(line) as { readonly port: number }
  const local = Path.join(root, "got")
  const job = { address: "127.0.0.1", port, verb: "get", remote: "file", local, blksize: 1_428 } as const
  const [command, args] = TftpPeers.commandOf("curl", job)
  const curl = yield* TftpPeers.execute([command, ["--max-time", `${seconds}`, ...args]])
  const { code, stderr } = yield* proxy.shutdown
  assert.strictEqual(code, 0, stderr)
  const [, times] =
    /; faults: drop=\S+(?: kind=DATA)? (once|\d+ times|never)"[^\n]*\n$/.exec(stderr) ?? assert.fail(stderr)
  const dropped = times === "once" ? 1 : Number.parseInt(times!, 10)
  const read = yield* Cli.runInProcess(["capture", "read", "--json", capture])
  assert.strictEqual(read.code, 0, read.stderr)
  const packets = read.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Shown)
  return {
    curl,
    isRight: Fs.existsSync(local) && Fs.readFileSync(local).equals(file),
    dropped,
    packets,
    marked: packets.filter(({ comments }) => comments.includes("drop") && comments.includes("lost")),
    capture,
    port
  }
})

/** Checks the capture with tshark's dissector, if tshark is installed. */
const assertTftp = (file: string, port: number, dropped: number) => {
  if (!hasTshark) return
  const rows = (filter: string) => {
    const args = ["-r", file, "-n", "-d", `udp.port==${port},tftp`, "-Y", filter, "-T", "fields", "-e", "frame.comment"]
    const { status, stderr, stdout } = ChildProcess.spawnSync("tshark", args, { encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    return stdout.split("\n").slice(0, -1)
  }
  assert.deepStrictEqual(rows("_ws.malformed || !tftp"), [])
  assert.deepStrictEqual(
    rows('frame.comment contains "drop"'),
    Array.from({ length: dropped }, () => "drop,lost")
  )
}

const title = missing.length === 0 ? "impair" : `impair (skipped: ${missing.join(" and ")})`

describe.skipIf(missing.length > 0)(title, () => {
  it.live("curl reads the file through the server's change of port, and the capture marks the dropped datagrams", () =>
    Effect.gen(function* () {
      const { capture, curl, dropped, isRight, marked, packets, port } = yield* fetch("drop=10%", 3, 40)
      assert.deepStrictEqual([curl.code, curl.stderr], [0, ""])
      assert.isTrue(isRight)
      assert.isAbove(dropped, 0)
      assert.strictEqual(marked.length, dropped)
      // Datagrams were dropped in both directions.
      assert.strictEqual(new Set(marked.map(({ to }) => to.port === port)).size, 2)
      // The request goes to the well-known port, and the reply comes from another: each side of the proxy has one.
      assert.strictEqual(packets.filter(({ to }) => to.port === 69).length, 1)
      assert.strictEqual(packets.filter(({ summary }) => summary.startsWith("RRQ file")).length, 2)
      assertTftp(capture, port, dropped)
    }).pipe(Effect.scoped)
  )

  it.live("curl times out if no block after the tenth arrives", () =>
    Effect.gen(function* () {
      const { capture, curl, dropped, isRight, marked, port } = yield* fetch("drop=#11.. kind=DATA", 0, 3)
      assert.strictEqual(curl.code, 28, curl.stderr)
      assert.match(curl.stderr, /^curl: \(28\) /)
      assert.isFalse(isRight)
      assert.isAbove(dropped, 0)
      assert.strictEqual(marked.length, dropped)
      for (const { summary } of marked) assert.strictEqual(summary, "DATA block 11, 1428 bytes")
      assertTftp(capture, port, dropped)
    }).pipe(Effect.scoped)
  )
})
