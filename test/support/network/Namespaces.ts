/**
 * Two network namespaces with a veth pair between them, without names, for tests as root. The processes in them end
 * with the script that made them, and the namespaces with their processes.
 */
import { execFile, spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"

/** The two ends: 10.77.0.1 and fd77::1 of the scanner, 10.77.0.0/24 and fd77::/64 of the server from .10 on. */
const setUp = (serverCommands: ReadonlyArray<string>, clientCommands: ReadonlyArray<string>) => `
set -e
unshare -n sleep 1000000 > /dev/null 2> /dev/null &
server=$!
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
# The namespace is there once the process has left that of this shell.
while [ "$(readlink /proc/$server/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set lo up
nsenter -t $server -n ip link set lo up
ip link add v0 type veth peer name v1 netns $server
ip addr add 10.77.0.1/24 dev v0
ip -6 addr add fd77::1/64 dev v0 nodad 2> /dev/null || true
ip link set v0 up
nsenter -t $server -n ip link set v1 up
${serverCommands.map((command) => `nsenter -t $server -n ${command}`).join("\n")}
${clientCommands.join("\n")}
`

/**
 * Runs commands in both namespaces, first those of the server. A worker of the test runner must not be blocked for
 * longer than a minute, so that this waits for the end in the background.
 */
export const run = (serverCommands: ReadonlyArray<string>, clientCommands: ReadonlyArray<string>) =>
  Effect.callback<void>((resume) => {
    const script = setUp(serverCommands, clientCommands)
    const child = execFile("unshare", ["-n", "bash", "-c", script], (error, _, stderr) =>
      resume(error === null ? Effect.void : Effect.die(new Error(`${error.message}\n${stderr}`)))
    )
    return Effect.sync(() => void child.kill())
  })

/** Returns why the commands do not work here, as the end of a test's name; "" if they do. */
export const reasonToSkip = (what: string, ...serverCommands: ReadonlyArray<string>): string => {
  const { status } = spawnSync("unshare", ["-n", "bash", "-c", setUp(serverCommands, ["true"])], { stdio: "ignore" })
  return status === 0 ? "" : ` (skipped: ${what} in a network namespace)`
}
