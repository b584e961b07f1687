import { lazyCommand } from "./common/lazyCommand.ts"
import { upFlags } from "./common/upFlags.ts"

export const command = lazyCommand({
  name: "up",
  description: "Run all services, or those of a configuration file, in one process, and restart those that fail",
  examples: [
    ["effect-inet up", "All services on their default ports, for clients on this machine"],
    ["effect-inet up --rot13-port 0", "rot13 on a free port"],
    ["effect-inet up --tftp-root .", "TFTP serves the current folder, read-only"],
    ["effect-inet up --control", "Their page on http://127.0.0.1:8066/ can play games and restart them, too"],
    ["effect-inet up --config services.yaml --check", "Check a configuration file, and print what would run"],
    ["effect-inet up --config services.yaml --admin 127.0.0.1:9067", "Serve their states and metrics over HTTP, too"]
  ],
  flags: upFlags,
  isStdoutFree: () => true,
  program: async () => (await import("./run/up/up.ts")).up
})
