/** The machines of the hosts at the time shown: their states and variables, the remarks so far, and the result. */
import type { Remark, Trace } from "../../lab/Trace.ts"
import { ScrollBox } from "../diagram/ScrollBox.tsx"
import type { MachineState } from "../diagram/TimeAxis.ts"
import { Badge, Mark } from "../parts/Mark.tsx"
import type { Tone } from "../Words.ts"

/** The variables of a machine. Those that its latest step has changed are emphasised. */
const Variables = ({ before, now }: MachineState) => {
  const known = new Map(before?.variables)
  return (
    <dl class="lab-variables">
      {now.variables.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={known.has(name) && known.get(name) !== value ? "lab-changed" : undefined}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

const stateTones: Readonly<Record<string, Tone>> = { alive: "good", suspect: "warn", down: "bad", left: "muted" }

/** A cell of the table of views. The form of its mark tells the state, too. */
const Cell = ({ state }: { readonly state: string | undefined }) => {
  if (state === undefined) return <td aria-hidden="true">·</td>
  const tone = Object.hasOwn(stateTones, state) ? stateTones[state] : undefined
  return (
    <td title={state}>
      {tone === undefined ? <span aria-hidden="true">?</span> : <Mark tone={tone} />}
      <span class="visually-hidden">{state}</span>
    </td>
  )
}

interface MachinesProps {
  readonly hosts: ReadonlyArray<string>
  readonly states: ReadonlyMap<string, MachineState>
}

/** The views that many hosts have of each other. */
const Views = ({ hosts, states }: MachinesProps) => (
  <section class="panel lab-views">
    <h2>Who sees whom</h2>
    <table>
      <caption class="visually-hidden">Each row is the view that one host has of the others</caption>
      <thead>
        <tr>
          <td />
          {hosts.map((host) => (
            <th scope="col" key={host}>
              {host}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {hosts.map((host) => {
          const variables = new Map(states.get(host)?.now.variables)
          return (
            <tr key={host}>
              <th scope="row">{host}</th>
              {variables.size === 0 ? (
                <td class="muted small lab-gone" colSpan={hosts.length}>
                  {states.get(host)?.now.state ?? "not started"}
                </td>
              ) : (
                hosts.map((other) => <Cell state={variables.get(other)} key={other} />)
              )}
            </tr>
          )
        })}
      </tbody>
    </table>
    <ul class="row muted small" aria-label="Marks">
      {Object.entries(stateTones).map(([state, tone]) => (
        <li class="row" key={state}>
          <Mark tone={tone} />
          {state}
        </li>
      ))}
    </ul>
  </section>
)

/** The states and variables of the hosts. */
export const Machines = (props: MachinesProps) =>
  props.hosts.length > 2 ? (
    <Views {...props} />
  ) : (
    <section class="panel lab-machines" aria-label="States of the machines">
      {props.hosts.map((host) => {
        const machine = props.states.get(host)
        return (
          <div key={host}>
            <h2>{host}</h2>
            <p class="lab-state">{machine?.now.state ?? "not started"}</p>
            {machine !== undefined && machine.now.variables.length > 0 && <Variables {...machine} />}
          </div>
        )
      })}
    </section>
  )

const remarkTones: Readonly<Record<Remark["tone"], Tone>> = { plain: "muted", fault: "bad", warning: "warn" }

/** Maximum number of remarks in the list: the latest. */
const maxRemarks = 40

/** The remarks up to the time shown, the latest first. */
export const Remarks = (props: {
  readonly remarks: ReadonlyArray<Remark>
  readonly format: (millis: number) => string
}) => (
  <ScrollBox class="panel lab-remarks" label="Remarks, the latest first">
    <h2>Remarks</h2>
    {props.remarks.length === 0 ? (
      <p class="muted small">Nothing special so far.</p>
    ) : (
      <ol>
        {props.remarks
          .map((remark, at) => (
            <li key={at}>
              <span class="muted number">{props.format(remark.atMillis)}</span>
              <Mark tone={remarkTones[remark.tone]} />
              <span>
                {!remark.text.startsWith(`${remark.host} `) && <b>{remark.host} </b>}
                {remark.text}
              </span>
            </li>
          ))
          .slice(-maxRemarks)
          .reverse()}
      </ol>
    )}
  </ScrollBox>
)

const outcomes: Readonly<Record<Trace["outcome"], { readonly tone: Tone; readonly word: string }>> = {
  done: { tone: "good", word: "Done" },
  failed: { tone: "bad", word: "Failed" },
  ended: { tone: "warn", word: "Stopped" }
}

/** The outcome of the whole run, and its figures. */
export const Result = ({ trace }: { readonly trace: Trace }) => {
  const { tone, word } = outcomes[trace.outcome]
  return (
    <section class="panel lab-result" aria-label="Result of the whole run">
      <h2>Result of the whole run</h2>
      <div role="status">
        <Badge tone={tone}>{word}</Badge>
        <p>{trace.summary}</p>
      </div>
      <dl class="lab-variables">
        {trace.figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
