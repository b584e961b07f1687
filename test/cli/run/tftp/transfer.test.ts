import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inject } from "vitest"
import * as Cli from "../../../support/Cli.ts"
import { directory, waitForNames } from "../../../support/Directory.ts"
import { pseudoRandomBytes } from "../../../support/Hosts.ts"

/** Starts a server of files, with another folder for the client. */
const setUp = Effect.fnUntraced(function* (files: Readonly<Record<string, string>> = {}) {
  const { inRoot, root } = yield* directory(files)
  const server = yield* Cli.serveInProcess(["tftp", "serve", "--root", root, "--write", "overwrite"])
  const own = yield* directory()
  const url = (path: string) => `tftp://127.0.0.1:${server.port}/${path}`
  return { server, inRoot, root, url, here: own.inRoot, folder: own.root }
})

const textOf = (path: string) => Fs.readFileSync(path, "utf8")

const big = Buffer.from(pseudoRandomBytes(3_000_000))

/** Flags that make a transfer slow enough to be interrupted. */
const slowFlags = ["--blksize", "64", "--windowsize", "1"]

describe("tftp get", () => {
  it.live("reads a file and prints a summary", () =>
    Effect.gen(function* () {
      const { here, inRoot, url } = yield* setUp()
      Fs.writeFileSync(inRoot("big"), big)
      const { code, stderr, stdout } = yield* Cli.runInProcess(["tftp", "get", url("big"), "-o", here("f"), "--json"])
      assert.strictEqual(`${stderr}${code}`, "0")
      assert.isTrue(Fs.readFileSync(here("f")).equals(big))
      const summary = JSON.parse(stdout)
      assert.deepInclude(summary, {
        url: url("big"),
        file: here("f"),
        bytes: big.length,
        blksize: 1_428,
        windowsize: 64
      })
      assert.containsAllKeys(summary, ["seconds", "rate", "resent", "rtt"])
    }).pipe(Effect.scoped)
  )

  it.live("prints only the file to standard output, as rcat does", () =>
    Effect.gen(function* () {
      const { inRoot, server, url } = yield* setUp()
      Fs.writeFileSync(inRoot("big"), big)
      for (const args of [
        ["tftp", "get", url("big"), "-o", "-"],
        ["rcat", `localhost:${server.port}`, "/big"]
      ]) {
        const { code, stderr, stdout } = yield* Cli.run(args)
        assert.strictEqual(`${stderr}${code}`, "0")
        assert.isTrue(stdout.equals(big))
      }
    }).pipe(Effect.scoped)
  )

  it.live("replaces a file, writes into a folder, follows a link and writes to a device", () =>
    Effect.gen(function* () {
      const { folder, here, url } = yield* setUp({ f: "new" })
      Fs.writeFileSync(here("old"), "a long old text")
      Fs.chmodSync(here("old"), 0o626)
      Fs.symlinkSync("old", here("link"))
      Fs.writeFileSync(here("one"), "old")
      Fs.linkSync(here("one"), here("other"))
      Fs.symlinkSync("made", here("dangling"))
      const get = (output: string) =>
        Effect.map(Cli.runInProcess(["tftp", "get", url("f"), "-o", output]), ({ code }) => code)
      assert.strictEqual(yield* get(here("link")), 0)
      assert.strictEqual(yield* get(here("dangling")), 0)
      assert.strictEqual(yield* get(here("one")), 0)
      assert.strictEqual(yield* get(folder), 0)
      assert.strictEqual(yield* get("/dev/null"), 0)
      assert.deepStrictEqual(Fs.readdirSync(folder).sort(), ["dangling", "f", "link", "made", "old", "one", "other"])
      assert.isTrue(Fs.lstatSync(here("link")).isSymbolicLink())
      for (const name of ["f", "made", "old", "other"]) assert.strictEqual(textOf(here(name)), "new")
      assert.strictEqual(Fs.statSync(here("old")).mode & 0o777, 0o626)
      assert.isTrue(Fs.statSync("/dev/null").isCharacterDevice())
    }).pipe(Effect.scoped)
  )

  it.live("prints one line for a missing file, and keeps the old file", () =>
    Effect.gen(function* () {
      const { folder, here, url } = yield* setUp()
      Fs.writeFileSync(here("old"), "old")
      const { code, stderr, stdout } = yield* Cli.runInProcess(["tftp", "get", url("a%20b"), "-o", here("old")])
      assert.strictEqual(stderr, `effect-inet: ${url("a%20b")}: refused by the peer: File not found (error 1)\n`)
      assert.deepStrictEqual([code, stdout.length], [1, 0])
      assert.deepStrictEqual(Fs.readdirSync(folder), ["old"])
      assert.strictEqual(textOf(here("old")), "old")
    }).pipe(Effect.scoped)
  )

  it.live("exits with 130 after Ctrl-C, keeps the old file and leaves no other", () =>
    Effect.gen(function* () {
      const { folder, here, inRoot, server, url } = yield* setUp()
      Fs.writeFileSync(inRoot("big"), big)
      Fs.writeFileSync(here("old"), "old")
      const client = yield* Cli.start(["tftp", "get", url("big"), "-o", here("old"), ...slowFlags, "--timeout", "10s"])
      yield* waitForNames(folder, ({ length }) => length > 1)
      yield* client.kill("SIGINT")
      assert.strictEqual((yield* client.ended).code, 130)
      assert.deepStrictEqual(Fs.readdirSync(folder), ["old"])
      assert.strictEqual(textOf(here("old")), "old")
      assert.strictEqual((yield* server.shutdown).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("retransmits under --faults, and writes a --capture", () =>
    Effect.gen(function* () {
      const { here, inRoot, url } = yield* setUp()
      Fs.writeFileSync(inRoot("f"), big.subarray(0, 200_000))
      const faults = ["--faults", "drop=10%,dup=5%,reorder=5%", "--fault-seed", "3", "--capture", here("t.pcapng")]
      const { code } = yield* Cli.runInProcess(["tftp", "get", url("f"), "-o", here("f"), ...faults])
      assert.strictEqual(code, 0)
      assert.isTrue(Fs.readFileSync(here("f")).equals(big.subarray(0, 200_000)))
      const { stdout } = yield* Cli.runInProcess(["capture", "read", here("t.pcapng")])
      const blocks = Array.from(stdout.matchAll(/DATA block (\d+)/g), ([, block]) => block)
      assert.isAbove(blocks.length, new Set(blocks).size)
    }).pipe(Effect.scoped)
  )
})

describe("tftp put", () => {
  it.live("keeps the name of the file for a URL that ends with a slash", () =>
    Effect.gen(function* () {
      const { here, inRoot, url } = yield* setUp({ "sub/x": "" })
      Fs.writeFileSync(here("a b;c"), big)
      const { code, stderr, stdout } = yield* Cli.runInProcess(["tftp", "put", here("a b;c"), url("sub/"), "--json"])
      assert.strictEqual(`${stderr}${code}`, "0")
      assert.isTrue(Fs.readFileSync(inRoot("sub/a b;c")).equals(big))
      assert.deepInclude(JSON.parse(stdout), { bytes: big.length, url: url("sub/a%20b%3Bc") })
    }).pipe(Effect.scoped)
  )

  it.live("writes standard input of any size, netascii and a pipe", () =>
    Effect.gen(function* () {
      const { here, inRoot, url } = yield* setUp()
      const put = (path: string, stdin: Uint8Array, file = "-") =>
        Effect.map(
          Cli.runInProcess(["tftp", "put", file, url(path)], { stdin }),
          ({ code, stderr }) => `${stderr}${code}`
        )
      assert.strictEqual(yield* put("big", big), "0")
      assert.isTrue(Fs.readFileSync(inRoot("big")).equals(big))
      assert.strictEqual(yield* put("empty", Buffer.alloc(0)), "0")
      assert.strictEqual(textOf(inRoot("empty")), "")
      assert.strictEqual(yield* put("text;mode=netascii", Buffer.from("a\nb\r\n")), "0")
      assert.strictEqual(textOf(inRoot("text")), "a\nb\r\n")
      ChildProcess.execFileSync("mkfifo", [here("pipe")])
      ChildProcess.spawn("sh", ["-c", 'echo piped > "$1"', "sh", here("pipe")])
      assert.strictEqual(yield* put("piped", Buffer.alloc(0), here("pipe")), "0")
      assert.strictEqual(textOf(inRoot("piped")), "piped\n")
    }).pipe(Effect.scoped)
  )

  it.live("leaves the old file when it is killed during the transfer", () =>
    Effect.gen(function* () {
      const { here, inRoot, root, server, url } = yield* setUp({ f: "old" })
      Fs.writeFileSync(here("big"), big)
      const client = yield* Cli.start(["tftp", "put", here("big"), url("f"), ...slowFlags])
      yield* waitForNames(root, (names) =>
        names.some((name) => name !== "f" && Fs.statSync(Path.join(root, name)).size > 0)
      )
      yield* client.kill("SIGKILL")
      yield* client.ended
      yield* server.shutdown
      assert.deepStrictEqual(Fs.readdirSync(root), ["f"])
      assert.strictEqual(textOf(inRoot("f")), "old")
    }).pipe(Effect.scoped)
  )
})

describe("tftp put and rcat", () => {
  it.live.skipIf(process.platform !== "linux")("take names that are not UTF-8 (Linux only)", () =>
    Effect.gen(function* () {
      const { folder, server, url } = yield* setUp()
      Fs.writeFileSync(Buffer.concat([Buffer.from(folder), Buffer.from("/caf\xe9.bin", "latin1")]), "latin")
      const script = `
        name=$(printf 'caf\\351.bin')
        "$@" tftp put "${folder}/$name" "${url("")}" && "$@" rcat "localhost:${server.port}" "$name"`
      const command = [process.execPath, "--conditions=effect-inet-source", inject("command")]
      const output = yield* Effect.promise(
        () =>
          new Promise((resolve) => {
            const done = (error: Error | null, stdout: string, stderr: string) => resolve([error, stderr, stdout])
            ChildProcess.execFile("sh", ["-c", script, "sh", ...command], done)
          })
      )
      assert.deepStrictEqual(output, [null, "", "latin"])
    }).pipe(Effect.scoped)
  )
})
