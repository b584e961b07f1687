/** The socket of a service manager for sd_notify(3), received by Perl: socat keeps the descriptor of a barrier open. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

/** True if the programs that this needs are installed. */
export const isAvailable = has("systemd-notify") && has("perl")

const program = `
use Socket;
socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, sockaddr_un($ARGV[0])) || die $!;
chmod 0777, $ARGV[0];
$| = 1;
print "listening\n";
print "$message\n" while defined recv(S, $message, 8192, 0);
`

/** Receives messages until the scope closes. Other users can send, too. */
export const receive = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-inet-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
  )
  Fs.chmodSync(folder, 0o755)
  const path = Path.join(folder, "notify")
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn("perl", ["-e", program, path])),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  let received = ""
  const watchers = new Set<() => void>()
  child.stdout.on("data", (bytes) => {
    received += bytes
    for (const watcher of watchers) watcher()
  })
  /** Waits until the messages match, and returns their lines without those of watchdog and barrier. */
  const until = (pattern: RegExp) =>
    Effect.callback<ReadonlyArray<string>>((resume) => {
      const check = () => {
        if (!pattern.test(received)) return
        resume(Effect.succeed(received.split("\n").filter((line) => !/^(listening|WATCHDOG=1|BARRIER=1|)$/.test(line))))
      }
      watchers.add(check)
      check()
      return Effect.sync(() => void watchers.delete(check))
    })
  yield* until(/listening/)
  return { path, until }
})
