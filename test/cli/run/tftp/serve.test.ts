import * as ChildProcess from "node:child_process"
import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import type * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { inject } from "vitest"
import { limitKeys } from "../../../../src/cli/run/tftp/serve.ts"
import { limitFlags } from "../../../../src/cli/tftp.ts"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as MemoryStore from "../../../../src/tftp/store/MemoryStore.ts"
import * as TftpClient from "../../../../src/tftp/TftpClient.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import * as TftpPeers from "../../../support/tftp/TftpPeers.ts"

const isRoot = process.getuid?.() === 0

const serve = (root: string, ...args: ReadonlyArray<string>) =>
  Cli.serveInProcess(["tftp", "serve", "--root", root, ...args])

const urlOf = ({ port }: { readonly port: number }, path: string) => `tftp://127.0.0.1:${port}/${path}`

/** Reads a file; returns its text or the error message. */
const fetch = ({ port }: { readonly port: number }, path: string) =>
  TftpClient.get({ host: "127.0.0.1", port, path }).pipe(
    Stream.decodeText,
    Stream.mkString,
    Effect.catchTag("TftpError", ({ message }) => Effect.succeed(message)),
    Effect.provide(NodeServices.layer)
  )

/** Writes a file; returns true if it was accepted. */
const upload = ({ port }: { readonly port: number }, path: string, text: string) =>
  TftpClient.put({ host: "127.0.0.1", port, path }, MemoryStore.fromBytes(new TextEncoder().encode(text))).pipe(
    Effect.isSuccess,
    Effect.provide(NodeServices.layer)
  )

describe("tftp serve", () => {
  it("reloads the limits of its flags", () => {
    assert.deepStrictEqual([...limitKeys], Object.keys(limitFlags))
  })

  it.live("prints its address, and exits with 0 after SIGTERM", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ f: "text" })
      const server = yield* Cli.start(["tftp", "serve", "--root", root, "--port", "0"])
      const [, port] = yield* server.waitForOutput(
        "stdout",
        /^tftp on 127\.0\.0\.1:(\d+) \(this machine only; --host :: .*\)$/m
      )
      assert.strictEqual(yield* fetch({ port: Number(port) }, "f"), "text")
      yield* server.waitForOutput("stderr", /RRQ f octet to 127\.0\.0\.1 port \d+: 4 bytes/)
      yield* server.kill("SIGTERM")
      assert.strictEqual((yield* server.ended).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("is read-only by default, accepts new files with create, and any with overwrite", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ old: "old" })
      const outcome = (...args: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const server = yield* serve(root, ...args)
          return [yield* upload(server, "old", args.join(" ")), yield* upload(server, args.at(-1) ?? "none", "new")]
        }).pipe(Effect.scoped)
      assert.deepStrictEqual(yield* outcome(), [false, false])
      assert.deepStrictEqual(yield* outcome("--write", "create"), [false, true])
      assert.strictEqual(Fs.readFileSync(inRoot("old"), "utf8"), "old")
      assert.deepStrictEqual(yield* outcome("--write", "overwrite"), [true, true])
      assert.strictEqual(Fs.readFileSync(inRoot("old"), "utf8"), "--write overwrite")
      assert.deepStrictEqual(Fs.readdirSync(root).sort(), ["create", "old", "overwrite"])
    })
  )

  it.live("takes flags from the environment", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ UPPER: "text" })
      Fs.writeFileSync(`${path}/other`, "outside")
      Fs.symlinkSync("../other", inRoot("link"))
      const env = { TFTP_ROOT: root, TFTP_PORT: "0", TFTP_WRITE: "create", TFTP_IGNORE_CASE: "yes", TFTP_QUOTA: "1K" }
      const running = yield* Cli.startInProcess(["tftp", "serve", "--json"], {
        env: { ...env, TFTP_FOLLOW_SYMLINKS: "all", TFTP_LISTING: "ls" }
      })
      const [line] = yield* running.waitForOutput("stdout", /^\{.*\}$/m)
      const server = JSON.parse(line) as { readonly port: number }
      assert.strictEqual(yield* fetch(server, "upper"), "text")
      assert.strictEqual(yield* fetch(server, "link"), "outside")
      assert.match(yield* fetch(server, "ls"), /^\S+ 4 UPPER\n\S+ 7 link\n$/)
      assert.deepStrictEqual(
        [yield* upload(server, "new", "x".repeat(1_025)), yield* upload(server, "new", "x")],
        [false, true]
      )
      assert.strictEqual(Fs.readFileSync(inRoot("new"), "utf8"), "x")
    }).pipe(Effect.scoped)
  )

  it.live("limits the options of clients", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ f: "x".repeat(5_000) })
      const server = yield* serve(root, "--blksize", "600", "--windowsize", "3", "--port-range", "20000-60000")
      const { stdout } = yield* Cli.runInProcess(["tftp", "get", urlOf(server, "f"), "-o", "/dev/null", "--json"])
      assert.deepInclude(JSON.parse(stdout), { bytes: 5_000, blksize: 600, windowsize: 3 })
    }).pipe(Effect.scoped)
  )

  it.live("uses a folder for each client with --per-client first or only", () =>
    Effect.gen(function* () {
      const { root } = yield* directory({ "127.0.0.1/f": "mine", f: "all", g: "all" })
      const both = Effect.fnUntraced(function* (how: string) {
        const server = yield* serve(root, "--per-client", how)
        return [yield* fetch(server, "f"), yield* fetch(server, "g")]
      }, Effect.scoped)
      assert.deepStrictEqual(yield* both("first"), ["mine", "all"])
      assert.deepStrictEqual(yield* both("only"), ["mine", "refused by the peer: File not found (error 1)"])
    })
  )

  it.live("explains a port in use in one line", () =>
    Effect.gen(function* () {
      const { root } = yield* directory()
      const socket = yield* Effect.acquireRelease(
        Effect.callback<Dgram.Socket>((resume) => {
          const socket = Dgram.createSocket("udp4")
          socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => void socket.close())
      )
      const { port } = socket.address() as Net.AddressInfo
      const { code, stderr } = yield* Cli.runInProcess(["tftp", "serve", "--root", root, "--port", `${port}`])
      assert.match(stderr, new RegExp(`^effect-inet: tftp: UDP port ${port} is in use.*another port with --port\n$`))
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!isRoot)("drops root privileges with --user before it opens a file (skipped without root)", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory({ "all.txt": "all", "root.txt": "root's" })
      Fs.chmodSync(path, 0o755)
      Fs.chmodSync(inRoot("root.txt"), 0o600)
      const server = yield* Cli.serve(["tftp", "serve", "--root", root, "--user", "nobody"])
      assert.strictEqual(yield* fetch(server, "all.txt"), "all")
      assert.include(yield* fetch(server, "root.txt"), "Access violation")
      const status = Fs.readFileSync(`/proc/${server.pid}/status`, "utf8")
      const uid = ChildProcess.execFileSync("id", ["-u", "nobody"]).toString().trim()
      assert.include(status, `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`)
      assert.notMatch(status, /^Groups:\s+0\b/m)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!isRoot)("explains --user and port 69 without root (skipped without root)", () =>
    Effect.gen(function* () {
      const { path, root } = yield* directory()
      Fs.chmodSync(path, 0o755)
      const start = (...args: ReadonlyArray<string>) =>
        Effect.map(
          // Run the command as nobody.
          Effect.promise(
            () =>
              new Promise<string>((resolve) => {
                const all = [inject("command"), "tftp", "serve", "--root", root, ...args]
                ChildProcess.execFile(process.execPath, all, { uid: 65_534, gid: 65_534 }, (_, __, stderr) =>
                  resolve(stderr)
                )
              })
          ),
          (stderr) => stderr.replace(/^effect-inet: /, "").trimEnd()
        )
      assert.strictEqual(
        yield* start("--port", "0", "--user", "root"),
        "--user: only root can change to root; start as root, or omit --user"
      )
      if (Number(Fs.readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8")) <= 69) return
      const fix = "run as root, or setcap cap_net_bind_service=+ep on node, or choose another port with --port"
      assert.strictEqual(yield* start(), `tftp: port 69 is reserved for root: ${fix}`)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!TftpPeers.isInstalled("curl"))("serves a sample file with `up` (skipped without curl)", () =>
    Effect.gen(function* () {
      const up = yield* Cli.start([
        "up",
        ...["rot13", "hangman", "guess", "board", "primes", "tftp", "status"].flatMap((name) => [`--${name}-port`, "0"])
      ])
      const [, attempt] = yield* up.waitForOutput("stdout", /^tftp +127\.0\.0\.1:\d+ +(curl -s \S+)$/m)
      const [command, ...args] = attempt!.split(" ")
      const output = yield* Effect.promise(
        () => new Promise((resolve) => ChildProcess.execFile(command!, args, (_, stdout) => resolve(stdout)))
      )
      assert.match(`${output}`, /^Hello!/)
      yield* up.kill("SIGINT")
      assert.strictEqual((yield* up.ended).code, 0)
    }).pipe(Effect.scoped)
  )
})
