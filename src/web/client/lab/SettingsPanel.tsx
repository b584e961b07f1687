/** The settings of a run: protocol, network, choices of the protocol and seed. */
import { useEffect, useId, useRef, useState } from "preact/hooks"
import * as Settings from "../../lab/Settings.ts"
import { CopyLine } from "../parts/CopyLine.tsx"
import * as LabAddress from "./LabAddress.ts"
import type { Chosen } from "./useSettings.ts"

const protocolNames: Readonly<Record<Settings.Protocol, string>> = {
  "stop-and-wait": "Stop-and-wait",
  tftp: "TFTP",
  rot13: "rot13",
  presence: "Presence"
}

const protocolTexts: Readonly<Record<Settings.Protocol, string>> = {
  "stop-and-wait": "A sender repeats each message until its ACK arrives.",
  tftp: "A client reads a file from a TFTP server, block by block (RFC 1350).",
  rot13: "A client sends lines to a rot13 server.",
  presence: "Five hosts tell each other that they are alive, without a server."
}

/** Properties of the settings, and of each part of them. */
interface SettingsProps {
  readonly choose: (chosen: Chosen) => void
  readonly settings: Settings.Settings
}

const ProtocolChoice = ({ choose, settings }: SettingsProps) => (
  <fieldset class="lab-protocols">
    <legend>Protocol</legend>
    <div class="segments">
      {Object.entries(protocolNames).map(([value, name]) => {
        const protocol = value as Settings.Protocol
        const open = () => choose({ settings: { ...Settings.defaults(protocol), seed: settings.seed }, by: "opened" })
        return (
          <label key={value}>
            <input type="radio" name="protocol" value={value} checked={settings.protocol === value} onChange={open} />
            {name}
          </label>
        )
      })}
    </div>
    <p class="muted small">{protocolTexts[settings.protocol]}</p>
  </fieldset>
)

/**
 * A field for a number. While it has the focus, it keeps what is typed, also what is not yet a number, until the value
 * changes by other means: a step back of the browser.
 */
const NumberField = (props: {
  readonly id?: string
  readonly label?: string
  readonly limits: { readonly min: number; readonly max: number; readonly step: number }
  readonly set: (value: number) => void
  readonly value: number
}) => {
  const [typed, setTyped] = useState<string>()
  const isOwnChange = useRef(false)
  useEffect(() => {
    if (!isOwnChange.current) setTyped(undefined)
    isOwnChange.current = false
  }, [props.value])
  return (
    <input
      id={props.id}
      class="field"
      type="number"
      aria-label={props.label}
      inputMode="decimal"
      {...props.limits}
      value={typed ?? `${props.value}`}
      onInput={({ currentTarget: { value, valueAsNumber } }) => {
        setTyped(value)
        if (!Number.isFinite(valueAsNumber)) return
        isOwnChange.current = valueAsNumber !== props.value
        props.set(valueAsNumber)
      }}
      onBlur={() => setTyped(undefined)}
    />
  )
}

/** Steps of a slider, which a hand can choose; those of the field beside it are finer. */
const sliderSteps: Readonly<Record<Settings.SliderInfo["unit"], number>> = { "%": 1, ms: 5 }

/** A number with a slider and a field. */
const NumberSetting = (props: {
  readonly info: Settings.SliderInfo
  readonly set: (value: number) => void
  readonly value: number
}) => {
  const { info, set, value } = props
  const { hint, label, max, min, step, unit } = info
  const id = useId()
  return (
    <div class="lab-number" title={hint}>
      <label for={id}>{label}</label>
      <span class="lab-number-field">
        <NumberField
          label={`${label} in ${unit === "%" ? "percent" : "milliseconds"}`}
          limits={{ min, max, step }}
          set={set}
          value={value}
        />
        <span class="muted small" aria-hidden="true">
          {unit}
        </span>
      </span>
      <input
        id={id}
        type="range"
        aria-valuetext={`${value.toLocaleString("en")} ${unit}`}
        {...{ min, max }}
        step={sliderSteps[unit]}
        value={`${value}`}
        onInput={({ currentTarget }) => set(currentTarget.valueAsNumber)}
      />
    </div>
  )
}

const ProtocolChoices = ({ choose, settings }: SettingsProps) => (
  <>
    {Settings.choicesOf(settings.protocol).map(({ hint, initial, label, name, values }) => (
      <label class="lab-choice" title={hint} key={`${settings.protocol} ${name}`}>
        <span>{label}</span>
        <select
          class="field"
          value={settings.choices[name] ?? initial}
          onChange={({ currentTarget }) =>
            choose({
              settings: { ...settings, choices: { ...settings.choices, [name]: currentTarget.value } },
              by: "adjusted"
            })
          }
        >
          {values.map((one) => (
            <option value={one.value} key={one.value}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
    ))}
  </>
)

const SeedSetting = ({ choose, settings }: SettingsProps) => {
  const id = useId()
  const set = (seed: number) => choose({ settings: { ...settings, seed }, by: "adjusted" })
  const another = () => choose({ settings: { ...settings, seed: Settings.nextSeed(settings.seed) }, by: "opened" })
  return (
    <div class="lab-seed" title="All chance of a run follows from its seed: the same seed gives the same run">
      <label for={id}>Seed</label>
      <div class="row">
        <NumberField id={id} limits={{ min: 1, max: 2 ** 31 - 1, step: 1 }} set={set} value={settings.seed} />
        <button type="button" class="button" onClick={another}>
          Another seed
        </button>
      </div>
    </div>
  )
}

/** The link to a run. */
const Share = ({ settings }: Pick<SettingsProps, "settings">) => (
  <div class="lab-share">
    <b>Link to this run</b>
    <CopyLine text={new URL(LabAddress.of(settings), location.href).href} label="Copy the link to this run" />
    <p class="muted small">The same settings and seed give the same run, packet by packet, in every browser.</p>
  </div>
)

/** Returns the settings on one line, for a narrow page on which they are closed. */
const summaryOf = ({ delayMillis, duplicatePercent, lossPercent, protocol, reorderPercent, seed }: Settings.Settings) =>
  [
    protocolNames[protocol],
    `${lossPercent} % loss`,
    ...(duplicatePercent > 0 ? [`${duplicatePercent} % duplication`] : []),
    ...(reorderPercent > 0 ? [`${reorderPercent} % reordering`] : []),
    `${delayMillis} ms`,
    `seed ${seed}`
  ].join(", ")

/** Width of the page from which the settings are beside the diagram: that of the stylesheet. */
const wide = "(min-width: 60rem)"

/** The settings of a run. On a narrow page they are closed at first, and the diagram is in view. */
export const SettingsPanel = (props: SettingsProps) => {
  const { choose, settings } = props
  const [isOpen, setOpen] = useState(() => matchMedia(wide).matches)
  useEffect(() => {
    const media = matchMedia(wide)
    const open = () => media.matches && setOpen(true)
    media.addEventListener("change", open)
    return () => media.removeEventListener("change", open)
  }, [])
  return (
    <details class="panel lab-settings" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary class="lab-summary">
        <span>
          <b>Settings</b> <span class="muted">{summaryOf(settings)}</span>
        </span>
      </summary>
      <form aria-label="Settings of the run" onSubmit={(event) => event.preventDefault()}>
        <ProtocolChoice {...props} />
        <fieldset class="lab-network">
          <legend>Network</legend>
          {Settings.sliders.map((info) => (
            <NumberSetting
              info={info}
              value={settings[info.slider]}
              set={(value) => choose({ settings: { ...settings, [info.slider]: value }, by: "adjusted" })}
              key={info.slider}
            />
          ))}
        </fieldset>
        <fieldset class="lab-choices">
          <legend>Programs</legend>
          <ProtocolChoices {...props} />
        </fieldset>
        <SeedSetting {...props} />
        <Share settings={settings} />
      </form>
    </details>
  )
}
