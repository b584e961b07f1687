/** Captures whose disk fills, whose program is killed, and whose reader stops: the program does its work. */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { inject } from "vitest"
import * as PcapngDecoder from "../../src/capture/PcapngDecoder.ts"
import * as BlockSplitter from "../../src/capture/write/BlockSplitter.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import { waitUntil } from "../support/Pause.ts"

const isWindows = process.platform === "win32"

/** True if this user may mount a file system, in a namespace of its own. */
const mayMount =
  !isWindows && ChildProcess.spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

/** A TFTP server of this process with a file of 2 MB, and a folder for results. */
const servedFile = Effect.gen(function* () {
  const { inRoot } = yield* directory()
  const bytes = pseudoRandomBytes(2_000_000)
  Fs.writeFileSync(inRoot("data"), bytes)
  const { port } = yield* Cli.serveInProcess(["tftp", "serve", "--root", inRoot("")])
  return { bytes, inRoot, url: `tftp://127.0.0.1:${port}/data` }
})

describe.skipIf(isWindows)("a capture", () => {
  it.live.skipIf(!mayMount)(
    `ends with a whole packet on a disk that fills, and the transfer succeeds${mayMount ? "" : " (skipped: may not mount)"}`,
    () =>
      Effect.gen(function* () {
        const { bytes, inRoot, url } = yield* servedFile
        const command = [process.execPath, "--conditions=effect-inet-source", inject("command"), "tftp", "get", url]
        const script = `
          mount -t tmpfs -o size=200k none /mnt &&
          ${command.join(" ")} -o ${inRoot("copy")} --capture /mnt/x.pcapng
          echo "code $?"; cp /mnt/x.pcapng ${inRoot("x.pcapng")}`
        const child = ChildProcess.spawn("unshare", ["-m", "sh", "-c", script])
        yield* Effect.addFinalizer(() => Effect.sync(() => void child.kill("SIGKILL")))
        const output = { stdout: "", stderr: "" }
        for (const name of ["stdout", "stderr"] as const)
          child[name].on("data", (more) => {
            output[name] += more
          })
        yield* Effect.promise(() => once(child, "close"))
        assert.include(output.stdout, "code 1")
        const lines = output.stderr.split("\n").filter((line) => line !== "" && !line.includes("capturing to"))
        assert.deepStrictEqual(lines, [
          'effect-inet: --capture "/mnt/x.pcapng": no space left on device; the file lacks the packets from then on'
        ])
        assert.isTrue(Fs.readFileSync(inRoot("copy")).equals(bytes))
        const file = Fs.readFileSync(inRoot("x.pcapng"))
        // The disk was full to the last page, and the part of a packet on it is gone.
        assert.isAbove(file.length, 190_000)
        assert.isAbove(Result.getOrThrow(PcapngDecoder.decode(file)).length, 100)
      }).pipe(Effect.scoped)
  )

  it.live("is whole up to its last packet if the program is killed", () =>
    Effect.gen(function* () {
      const { inRoot, url } = yield* servedFile
      const file = inRoot("x.pcapng")
      const sizeOf = () => (Fs.existsSync(file) ? Fs.statSync(file).size : 0)
      // The delay keeps the transfer from its end.
      const args = [
        "tftp",
        "get",
        url,
        "-o",
        inRoot("copy"),
        "--capture",
        file,
        "--faults",
        "delay=2ms",
        "--windowsize",
        "4"
      ]
      const running = yield* Cli.start(["--capture-stop", "size=1G", ...args])
      yield* waitUntil(() => sizeOf() > 100_000)
      yield* running.kill("SIGKILL")
      yield* running.ended
      const splitter = BlockSplitter.make()
      const blocks = splitter.feed(Fs.readFileSync(file))
      if (typeof blocks === "string") return assert.fail(blocks)
      assert.isAbove(blocks.filter(({ type }) => BlockSplitter.kindOf(type) === "packet").length, 50)
      assert.isBelow(splitter.pendingBytes(), 2_000)
    }).pipe(Effect.scoped)
  )

  it.live("loses packets of a reader that has stopped, and neither the program nor its end waits for it", () =>
    Effect.gen(function* () {
      const { bytes, inRoot, url } = yield* servedFile
      const pipe = inRoot("pipe")
      ChildProcess.execFileSync("mkfifo", [pipe])
      // It opens the pipe, and does not read.
      const reader = ChildProcess.spawn("sh", ["-c", 'exec 3<>"$0"; echo; exec sleep 600', pipe])
      yield* Effect.addFinalizer(() => Effect.sync(() => void reader.kill("SIGKILL")))
      yield* Effect.promise(() => once(reader.stdout, "data"))
      const { code, stderr } = yield* Cli.run(["tftp", "get", url, "-o", inRoot("copy"), "--capture", pipe])
      assert.isTrue(Fs.readFileSync(inRoot("copy")).equals(bytes))
      assert.match(stderr, /pipe lacks \d+ packets: its reader did not read them in time/)
      assert.strictEqual(code, 0, stderr)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["| head -c 4 > /dev/null", "the reader has closed the pipe; the file lacks the packets from then on"],
    ["> /dev/full", "no space left on device"]
  ] as const)("to standard output fails the program with one line if it is %s", ([redirection, reason]) =>
    Effect.gen(function* () {
      const { inRoot, url } = yield* servedFile
      const command = [process.execPath, "--conditions=effect-inet-source", inject("command"), "tftp", "get", url]
      const script = `{ ${command.join(" ")} -o ${inRoot("copy")} --capture -; echo "code $?" >&2; } ${redirection}`
      const child = ChildProcess.spawn("sh", ["-c", script], { stdio: ["ignore", "ignore", "pipe"] })
      yield* Effect.addFinalizer(() => Effect.sync(() => void child.kill("SIGKILL")))
      let stderr = ""
      child.stderr.on("data", (more) => {
        stderr += more
      })
      yield* Effect.promise(() => once(child, "close"))
      const lines = stderr.split("\n").filter((line) => line !== "" && !line.includes("capturing to"))
      assert.deepStrictEqual(lines, [`effect-inet: --capture "-": ${reason}`, "code 1"])
      // A capture that cannot start fails before anything is sent.
      if (redirection.startsWith("|")) assert.strictEqual(Fs.statSync(inRoot("copy")).size, 2_000_000)
    }).pipe(Effect.scoped)
  )
})
