/**
 * The exit of the process, also while a call to the system does not return. Node runs such calls, as a read from a file
 * system whose server is gone, in its thread pool; it cannot cancel them, and waits for them when it exits.
 */

/** The names that Node has for calls in its thread pool. */
const poolCalls: ReadonlySet<string> = new Set([
  "FSReqCallback",
  "FSReqPromise",
  "FileHandleCloseReq",
  "GetAddrInfoReqWrap",
  "GetNameInfoReqWrap"
])

/** Time that calls have to return after the end of the command, before the process ends without them. */
const graceMillis = 500

/** Interval at which the calls are looked at. */
const lookMillis = 10

const hasCalls = () => process.getActiveResourcesInfo().some((name) => poolCalls.has(name))

/** Ends the process by a signal, without waiting for anything. Returns if the system ignores it, as for process 1. */
const die = (signal: NodeJS.Signals) => {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** Exits at once with a code; by the signal that asked for the end, if calls have not returned. */
export const exitNow = (code: number, signal: NodeJS.Signals): never => {
  if (hasCalls()) die(signal)
  process.exit(code)
}

/** Exits with a code, as `exitNow` does, and gives calls time to return. Without a signal it waits for all of them. */
export const exit = (code: number, signal: NodeJS.Signals | undefined, waitedMillis = 0): void => {
  if (signal === undefined || !hasCalls()) process.exit(code)
  if (waitedMillis >= graceMillis) exitNow(code, signal)
  setTimeout(exit, lookMillis, code, signal, waitedMillis + lookMillis)
}
