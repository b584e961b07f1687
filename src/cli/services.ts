import * as flags from "./common/flags.ts"
import { lazyCommand } from "./common/lazyCommand.ts"

export const command = lazyCommand({
  name: "services",
  description: "Look up services by name or port (getservbyname, getservbyport)",
  examples: [
    ["effect-inet services rot13", "A service of this package, not in /etc/services"],
    ["effect-inet services 69 --protocol udp", "The service of UDP port 69"]
  ],
  flags: {
    query: flags.optionalArgument("service", "Name, alias or port (default: list all)"),
    protocol: flags.choice("services", "protocol", ["tcp", "udp"], "Only this protocol (default both)"),
    json: flags.json("services")
  },
  program: async () => (await import("./run/services.ts")).services
})
