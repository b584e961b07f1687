/** The standard streams of this process. */
import * as Fs from "node:fs"

/** Tests if stderr is the same file or socket as stdin, as inetd passes a connection. */
export const stderrIsStdin = (): boolean => {
  const [stdin, stderr] = [Fs.fstatSync(0), Fs.fstatSync(2)]
  return stdin.dev === stderr.dev && stdin.ino === stderr.ino && stdin.isSocket()
}
