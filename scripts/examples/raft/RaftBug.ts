/** Bugs that implementations of Raft had. A server has one of them if it is asked to; the checks must find each. */

export const all = [
  /**
   * Commits an entry of an earlier term once a majority has it, though a later leader may still replace it (section
   * 5.4.2, Figure 8). LogCabin, the implementation of the paper's author, had it:
   * https://github.com/logcabin/logcabin/issues/44 (2013). So had NATS:
   * https://github.com/nats-io/nats-server/pull/7955 (2026).
   */
  "commits entries of earlier terms",
  /**
   * Removes the entries after those of each Append, also if the Append is late and they are equal; the leader may have
   * committed them. akka-raft: https://github.com/ktoso/akka-raft/issues/66 (2015), found by fuzzing: Scott and others,
   * "Minimizing Faulty Executions of Distributed Systems", NSDI 2016.
   */
  "truncates at each append",
  /**
   * Answers a read from the leader's own state, which is old if there is another leader by now. etcd:
   * https://github.com/etcd-io/etcd/issues/741 (2014), found by Jepsen. Consul:
   * https://github.com/hashicorp/consul/issues/54 (2014).
   */
  "reads without asking the others",
  /**
   * Installs a snapshot that is older than what the server has committed. NuRaft, found by the Jepsen tests of
   * ClickHouse Keeper: https://github.com/eBay/NuRaft/pull/407 (2023). openraft:
   * https://github.com/databendlabs/openraft/pull/543 (2022).
   */
  "installs old snapshots",
  /**
   * Sends a vote, or that it has an entry, before that is on the disk; a crash loses it. RobustMQ:
   * https://github.com/robustmq/robustmq/pull/2039 (2026). PySyncObj did not write its votes at all:
   * https://github.com/bakwc/PySyncObj/pull/202 (2026).
   */
  "sends before the disk has it"
] as const

export type Bug = (typeof all)[number]
