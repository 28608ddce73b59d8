import { useId, useMemo, useState, type ReactNode } from 'react';
import type { CubeReport, MetaReport } from 'millrace/wire';
import { useLive } from '../live/use-live.ts';
import {
  grains,
  operators,
  ranges,
  type Exploration,
  type ExplorationFilter,
  type FilterOperator,
  type Grain,
  type RangeName,
} from './explore-query.ts';

interface ExploreControlsProps {
  readonly meta: MetaReport;
  readonly cube: CubeReport | undefined;
  readonly exploration: Exploration;
  readonly onChange: (part: Partial<Exploration>) => void;
}

export function ExploreControls({ meta, cube, exploration, onChange }: ExploreControlsProps) {
  const { by, compare, filter, grain, metric, range } = exploration;
  const hasTime = (cube?.times.length ?? 0) > 0;
  return (
    <form className="controls" aria-label="What to explore" onSubmit={(event) => event.preventDefault()}>
      <Choice label="Metric" value={metric} onChoose={(name) => onChange({ metric: name })}>
        {meta.cubes
          .filter(({ measures }) => measures.length > 0)
          .map(({ name, title, measures }) => (
            <optgroup key={name} label={title}>
              {measures.map((measure) => (
                <option key={measure.name} value={measure.name}>
                  {measure.title}
                </option>
              ))}
            </optgroup>
          ))}
      </Choice>
      <Choice label="Slice by" value={by} onChoose={(name) => onChange({ by: name })}>
        <option value="">Nothing</option>
        <DimensionOptions cube={cube} />
      </Choice>
      <Choice
        label="Time"
        value={range}
        disabled={!hasTime}
        onChoose={(name) => onChange({ range: name as RangeName, grain: ranges[name as RangeName].grain })}
      >
        {Object.entries(ranges).map(([name, { title }]) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </Choice>
      <Choice
        label="In steps of"
        value={grain}
        disabled={!hasTime}
        onChoose={(name) => onChange({ grain: name as Grain })}
      >
        {grains.map((name) => (
          <option key={name} value={name}>
            one {name}
          </option>
        ))}
      </Choice>
      <FilterControl cube={cube} filter={filter} onChange={(next) => onChange({ filter: next })} />
      <label className="check">
        <input
          type="checkbox"
          checked={compare}
          disabled={!hasTime}
          onChange={({ target }) => onChange({ compare: target.checked })}
        />
        Compare with the time before
      </label>
    </form>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly disabled?: boolean;
  readonly onChoose: (value: string) => void;
  readonly children: ReactNode;
}

function Choice({ label, value, disabled = false, onChoose, children }: ChoiceProps) {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      <select value={value} disabled={disabled} onChange={({ target }) => onChoose(target.value)}>
        {children}
      </select>
    </label>
  );
}

function DimensionOptions({ cube }: { readonly cube: CubeReport | undefined }) {
  return cube?.dimensions.map(({ name, title }) => (
    <option key={name} value={name}>
      {title}
    </option>
  ));
}

interface FilterControlProps {
  readonly cube: CubeReport | undefined;
  readonly filter: ExplorationFilter | undefined;
  readonly onChange: (filter: ExplorationFilter | undefined) => void;
}

function FilterControl({ cube, filter, onChange }: FilterControlProps) {
  const chooseMember = (member: string) =>
    onChange(member === '' ? undefined : { member, operator: 'equals', value: '' });
  return (
    <>
      <Choice label="Only where" value={filter?.member ?? ''} onChoose={chooseMember}>
        <option value="">Everything</option>
        <DimensionOptions cube={cube} />
      </Choice>
      {filter !== undefined && (
        <>
          <Choice
            label="Condition"
            value={filter.operator}
            onChoose={(operator) => onChange({ ...filter, operator: operator as FilterOperator })}
          >
            {Object.entries(operators).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </Choice>
          <FilterValue
            key={filter.member}
            filter={filter}
            onChange={(value) => onChange({ ...filter, value })}
          />
        </>
      )}
    </>
  );
}

const suggestionsMax = 100;

/** Takes effect when it is left or Enter is pressed; suggests what there is. */
function FilterValue({
  filter,
  onChange,
}: {
  readonly filter: ExplorationFilter;
  readonly onChange: (value: string) => void;
}) {
  const [text, setText] = useState(filter.value);
  const listId = useId();
  const query = useMemo(
    () => ({ source: 'metrics', dimensions: [filter.member], limit: suggestionsMax }),
    [filter.member],
  );
  const { result } = useLive(query);
  return (
    <label className="field">
      <span className="field-label">Value</span>
      <input
        type="text"
        list={listId}
        value={text}
        onChange={({ target }) => setText(target.value)}
        onBlur={() => onChange(text)}
        onKeyDown={({ key }) => key === 'Enter' && onChange(text)}
      />
      <datalist id={listId}>
        {result?.rows.map(([value]) => (
          <option key={String(value)} value={String(value ?? '')} />
        ))}
      </datalist>
    </label>
  );
}
