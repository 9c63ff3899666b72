// All methods side by side: what each found, how sure it is, what it looked at, and which gave no answer and why.
import { change, named, ofOutcome, percent, percentagesStated, pValue, range } from "./words.js";

export function MethodsTable({ open, outcome }) {
  const { findings, methods } = open;
  const estimates = ofOutcome(findings.estimates, outcome);
  const shares = percentagesStated(findings, outcome);
  if (!estimates.length) return <p class="hint">No method was asked about this.</p>;
  const level = percent(estimates[0].level, 0, false);
  return (
    <div class="table-room" tabIndex={0} role="group" aria-label="All methods, a table">
      <table class="methods" data-testid="methods">
        <caption class="unseen">All methods on {named(outcome).toLowerCase()}</caption>
        <thead>
          <tr>
            <th scope="col">Method</th>
            <th scope="col">What would have been, from</th>
            {shares && (
              <th scope="col" class="n">
                Change
              </th>
            )}
            {shares && (
              <th scope="col" class="n">
                {level} interval
              </th>
            )}
            <th scope="col" class="n">
              Incidents
            </th>
            <th scope="col" class="n">
              <i>p</i>
            </th>
            <th scope="col" class="n" title="Variance of the counts over their mean; 1 is Poisson">
              Dispersion
            </th>
          </tr>
        </thead>
        {estimates.map((one) => (
          <Method key={one.method} one={one} name={methods.get(one.method)} shares={shares} />
        ))}
      </table>
    </div>
  );
}

function Method({ one, name, shares }) {
  const raw = one.design === "none";
  return (
    <tbody class={raw ? "raw" : one.refused === null ? "" : "refused"} data-method={one.method}>
      <tr>
        <th scope="row">
          {name?.title ?? named(one.method)} {raw && <span class="chip">not causal</span>}
          {name?.source && <small>{name.source}</small>}
        </th>
        <td>{named(name?.counterfactual ?? one.design)}</td>
        {one.refused === null ? (
          <Figures one={one} shares={shares} />
        ) : (
          <td colSpan={shares ? 5 : 3} class="why">
            <b>No answer.</b> {one.refused}
          </td>
        )}
      </tr>
      {(one.checks.length > 0 || one.notes.length > 0) && (
        <tr class="looked-at">
          <td colSpan={shares ? 7 : 5}>
            <Looked one={one} />
          </td>
        </tr>
      )}
    </tbody>
  );
}

const Figures = ({ one, shares }) => (
  <>
    {shares && <td class="n large">{percent(one.change_ratio, 1)}</td>}
    {shares && <td class="n">{range(one.change_interval, (share) => percent(share, 1))}</td>}
    <td class="n">
      {change(one.change_count)}
      {one.count_interval && <small>{range(one.count_interval, change)}</small>}
    </td>
    <td class="n">{pValue(one.p_value)}</td>
    <td class="n">{one.dispersion === null ? "–" : one.dispersion.toFixed(2)}</td>
  </>
);

function Looked({ one }) {
  const failed = one.checks.filter((check) => !check.passed).length;
  const words = one.checks.length
    ? `${one.checks.length} checked${failed ? `, ${failed} not passed` : ", all passed"}`
    : "What to know";
  return (
    <details>
      <summary class={failed ? "doubt" : ""}>
        {failed > 0 && <span aria-hidden="true">▲ </span>}
        {words}
      </summary>
      <ul class="checks">
        {one.checks.map((check) => (
          <li key={check.name} class={check.passed ? "ok" : "doubt"}>
            <span aria-hidden="true">{check.passed ? "✓" : "▲"}</span>
            <span class="unseen">{check.passed ? "Passed: " : "Not passed: "}</span> {check.says}
          </li>
        ))}
        {one.notes.map((note) => (
          <li key={note}>
            <span aria-hidden="true">·</span> {note}
          </li>
        ))}
      </ul>
    </details>
  );
}
