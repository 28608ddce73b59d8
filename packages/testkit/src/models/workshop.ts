import { readManifest, type Manifest } from '@millrace/core/models';

/**
 * A model of a manifest that was not compiled by dbt but written down, for forms that no example project
 * needs.
 */
export interface WrittenModel {
  readonly sql: string;
  readonly materialized?: 'table' | 'incremental' | 'view' | 'ephemeral';
  readonly uniqueKey?: string | readonly string[];
  /** `meta.millrace`. */
  readonly live?: Readonly<Record<string, unknown>>;
}

export interface WrittenSource {
  readonly live?: Readonly<Record<string, unknown>>;
}

/**
 * A manifest of models in schema `marts` over sources in schema `raw`. What a model reads is taken from its
 * SQL: every `raw.name` and `marts.name` in it.
 */
export function writeManifest(
  models: Readonly<Record<string, WrittenModel>>,
  sources: Readonly<Record<string, WrittenSource>>,
): Manifest {
  const relation = (schema: string, name: string) => ({ database: 'millrace', schema, name });
  return readManifest({
    metadata: { project_name: 'workshop' },
    nodes: Object.fromEntries(
      Object.entries(models).map(([name, { sql, materialized = 'table', uniqueKey, live }]) => [
        `model.w.${name}`,
        {
          ...relation('marts', name),
          unique_id: `model.w.${name}`,
          resource_type: 'model',
          alias: name,
          config: { materialized, unique_key: uniqueKey, meta: live === undefined ? {} : { millrace: live } },
          depends_on: { nodes: [...parentsIn(sql)] },
          compiled_code: sql,
        },
      ]),
    ),
    sources: Object.fromEntries(
      Object.entries(sources).map(([name, { live }]) => [
        `source.w.raw.${name}`,
        {
          ...relation('raw', name),
          unique_id: `source.w.raw.${name}`,
          identifier: name,
          config: { meta: live === undefined ? {} : { millrace: live } },
        },
      ]),
    ),
  });
}

function parentsIn(sql: string): Set<string> {
  const found = new Set<string>();
  for (const [, schema, name] of sql.matchAll(/\b(raw|marts)\.(\w+)\b(?!\()/g)) {
    found.add(schema === 'raw' ? `source.w.raw.${name}` : `model.w.${name}`);
  }
  for (const [, name] of sql.matchAll(/-- reads (\w+)/g)) found.add(`model.w.${name}`);
  return found;
}

const day = 'cast(event_timestamp as date)';
const ofUser = { grain: ['user_id'], keys_from: { staged: { user_id: 'user_id' } } };
const ofUserDay = {
  grain: ['user_id', 'day'],
  keys_from: { staged: { user_id: 'user_id', day } },
};

/**
 * Models in all forms that can be kept live, over the storefront's events: with and without times among their
 * keys, several parents, several rows a key, rows that leave, unions, static joins, models on models on
 * models.
 */
export const workshopModels: Readonly<Record<string, WrittenModel>> = {
  staged: {
    materialized: 'incremental',
    uniqueKey: 'event_id',
    live: { local: true },
    sql: `select event_id, event_type, event_timestamp, user_id, session_id, amount, country, ingest_seq
      from raw.raw_events where event_timestamp <= (select as_of from raw.as_of)
      qualify row_number() over (partition by event_id order by ingest_seq desc) = 1`,
  },
  enriched: {
    materialized: 'incremental',
    uniqueKey: ['event_id'],
    live: { local: true },
    sql: `select s.event_id, s.user_id, s.event_timestamp, c.region, cast(amount as decimal(18, 2)) as amount
      from marts.staged s left join raw.regions c on s.country = c.country where s.event_type <> 'search'`,
  },
  by_user: {
    live: ofUser,
    sql: `select user_id, count(*) as events, count(distinct session_id) as sessions, max(event_timestamp) as last_at
      from marts.staged group by user_id`,
  },
  by_user_merged: {
    live: ofUser,
    sql: `with typed as (select *, cast(amount as decimal(18, 2)) as exact from marts.staged where event_type <> 'sign_up'),
      final as (select user_id, count(amount) as amounts, sum(exact) as total, min(exact) as lowest, max(event_type) as last_type
        from typed group by user_id)
      select * from final`,
  },
  latest: {
    live: ofUser,
    sql: `select user_id, event_id, event_type, event_timestamp from marts.staged
      qualify row_number() over (partition by user_id order by event_timestamp desc, ingest_seq desc) = 1`,
  },
  top_three: {
    live: ofUser,
    sql: `select user_id, event_id, amount from marts.staged
      qualify row_number() over (partition by user_id order by amount desc nulls last, ingest_seq) <= 3`,
  },
  types: {
    live: {
      grain: ['event_type', 'day'],
      keys_from: { staged: { event_type: 'event_type', day } },
    },
    sql: `select event_type, cast(event_timestamp as date) as day, count(*) as events,
        cast(coalesce(sum(cast(amount as integer)), 0) as bigint) as total
      from marts.staged group by 1, 2`,
  },
  type_days: {
    live: { grain: ['day'], keys_from: { types: { day: 'day' } } },
    sql: `select day, count(*) as types, coalesce(sum(events), 0) as events, count(case when events > 2 then 1 end) as frequent
      from marts.types group by day`,
  },
  user_days: {
    live: ofUserDay,
    sql: `select distinct user_id, cast(event_timestamp as date) as day from marts.staged`,
  },
  gaps: {
    live: ofUserDay,
    sql: `with numbered as (select user_id, cast(event_timestamp as date) as day,
          date_diff('millisecond', lag(event_timestamp) over (partition by user_id, cast(event_timestamp as date)
            order by event_timestamp, ingest_seq), event_timestamp) as gap
        from marts.staged)
      select user_id, day, avg(gap) / 1e3 as seconds, count(gap) as gaps from numbered group by all having count(*) > 1`,
  },
  weeks: {
    live: { grain: ['week'], keys_from: { user_days: { week: "date_trunc('week', day)" } } },
    sql: `select date_trunc('week', day) as week, count(*) as user_days from marts.user_days group by all`,
  },
  of_region: {
    live: {
      grain: ['region', 'hour'],
      keys_from: { enriched: { region: 'region', hour: "date_trunc('hour', event_timestamp)" } },
    },
    sql: `select region, date_trunc('hour', event_timestamp) as hour, sum(amount) as amount, count(*) as events
      from marts.enriched group by region, date_trunc('hour', event_timestamp)`,
  },
  recent: { materialized: 'ephemeral', sql: `select * from marts.gaps where seconds is not null` },
  summary: {
    live: {
      grain: ['user_id', 'day'],
      keys_from: {
        gaps: { user_id: 'user_id', day: 'day' },
        user_days: { user_id: 'user_id', day: 'day' },
      },
    },
    sql: `with __dbt__cte__recent as (-- reads recent
        select * from marts.gaps where seconds is not null)
      select d.user_id, d.day, r.seconds, coalesce(r.gaps, 0) as gaps
      from marts.user_days d left join __dbt__cte__recent r on d.user_id is not distinct from r.user_id and d.day = r.day`,
  },
  log: {
    live: {
      grain: ['user_id', 'kind'],
      local: true,
      keys_from: {
        by_user: { user_id: 'user_id', kind: "'count'" },
        latest: { user_id: 'user_id', kind: "'last'" },
      },
    },
    sql: `select user_id, 'count' as kind, cast(events as varchar) as text from marts.by_user
      union all select user_id, 'last' as kind, event_id as text from marts.latest`,
  },
  arrivals: {
    live: { grain: ['day'], keys_from: { raw_events: { day } } },
    sql: `select cast(event_timestamp as date) as day, count(*) as rows_received, min(ingest_seq) as first_row
      from raw.raw_events group by all`,
  },
  arrival_types: {
    live: { grain: ['day'], keys_from: { raw_events: { day } } },
    sql: `select cast(event_timestamp as date) as day, count(distinct event_type) as types
      from raw.raw_events group by cast(event_timestamp as date)`,
  },
  ranks: {
    live: { whole: 'it ranks all users' },
    sql: `select user_id, rank() over (order by events desc, user_id) as place from marts.by_user`,
  },
  shown: { materialized: 'view', sql: `select * from marts.ranks where place <= 3` },
  shares: { sql: `select user_id, events / sum(events) over () as share from marts.by_user` },
};

/** Its sources. `isUnique` says that no event id comes twice, which the history must then keep. */
export function workshopSources(isUnique: boolean): Readonly<Record<string, WrittenSource>> {
  const unique = isUnique ? { unique_by: 'event_id' } : {};
  return {
    raw_events: {
      live: { append_only: true, event_time: 'event_timestamp', order: 'ingest_seq', ...unique },
    },
    regions: { live: { static: true } },
    as_of: { live: { as_of: true } },
  };
}
