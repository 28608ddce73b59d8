'use strict';
/**
 * From the driver's rows to Cube's responses: the native result transform in JavaScript.
 *
 * SECURITY: Cube checks member visibility here and nowhere else ("RBAC enforcement happens at query execution time via
 * annotation-based validation in the Rust result transform layer", api-gateway). `annotatedMember` is that check: a
 * column whose member has no annotation for the caller is an error, whatever its rows.
 */

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?| UTC)?$/;

/** Cube's one shape for time: `YYYY-MM-DDTHH:mm:ss.SSS`, no zone. Other text passes through. */
function timeText(value) {
  if (value === null || value === undefined) return null;
  const match = TIME.exec(value instanceof Date ? value.toISOString() : String(value));
  if (match === null) return value;
  const [, day, time = '00:00:00', fraction = ''] = match;
  return `${day}T${time}.${`${fraction}000`.slice(0, 3)}`;
}

function hiddenMember(member) {
  const error = new Error(
    `You requested hidden member: '${member}'. Please make it visible using \`public: true\`. ` +
      'Please note primaryKey fields are `public: false` by default.',
  );
  error.type = 'UserError';
  return error;
}

/** The member that a column of the SQL answers; throws unless the caller may see it. */
function annotatedMember(transform, alias) {
  const { aliasToMemberNameMap, annotation } = transform;
  const member = Object.hasOwn(aliasToMemberNameMap, alias) ? aliasToMemberNameMap[alias] : undefined;
  if (member === undefined || !Object.hasOwn(annotation, member)) throw hiddenMember(member ?? alias);
  return member;
}

class Table {
  names = [];
  columns = [];

  add(name, column) {
    if (this.names.includes(name)) return;
    this.names.push(name);
    this.columns.push(column);
  }

  column(name) {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.columns[index];
  }
}

/** A time dimension with a granularity is also answered under its bare name, unless that was asked for by itself. */
function bareTimeDimension(query, member) {
  const [cube, dimension, granularity] = member.split('.');
  if (granularity === undefined) return undefined;
  const bare = `${cube}.${dimension}`;
  if ((query.dimensions ?? []).includes(bare)) return undefined;
  const asked = (query.timeDimensions ?? []).some(
    (time) => time.dimension === bare && time.granularity === granularity,
  );
  return asked ? bare : undefined;
}

function tableOf(transform, rows) {
  const { annotation, query, queryType } = transform;
  // Every selected column is checked, with or without rows: an empty answer must not tell less than a refusal.
  for (const alias of Object.keys(transform.aliasToMemberNameMap)) annotatedMember(transform, alias);
  const table = new Table();
  for (const alias of rows.length > 0 ? Object.keys(rows[0]) : []) {
    const member = annotatedMember(transform, alias);
    const isTime = annotation[member].type === 'time';
    const column = rows.map((row) => (isTime ? timeText(row[alias]) : (row[alias] ?? null)));
    table.add(member, column);
    const bare = bareTimeDimension(query, member);
    if (bare !== undefined) table.add(bare, column);
  }
  const time = (query.timeDimensions ?? [])[0];
  if (queryType === 'compareDateRangeQuery') {
    table.add('compareDateRange', rows.map(() => time.dateRange.join(' - ')));
  } else if (queryType === 'blendingQuery') {
    const suffix = time.granularity ? `.${time.granularity}` : '';
    table.add(`time${suffix}`, table.column(`${time.dimension}${suffix}`) ?? rows.map(() => null));
  }
  return table;
}

function dataOf(transform, rows) {
  const { names, columns } = tableOf(transform, rows);
  if (transform.resType === 'columnar') return { members: names, columns };
  const row = (index) => columns.map((column) => column[index]);
  if (transform.resType === 'compact') return { members: names, dataset: rows.map((_, index) => row(index)) };
  return rows.map((_, index) => Object.fromEntries(names.map((name, at) => [name, columns[at][index]])));
}

function pivotQuery(queryType, queries) {
  const [first] = queries;
  if (first === undefined) return {};
  const dimensions = first.dimensions ?? [];
  if (queryType === 'blendingQuery') {
    const measures = [...new Set(queries.flatMap((query) => query.measures ?? []))];
    return { ...first, queryType, dimensions: ['time', ...dimensions], measures };
  }
  if (queryType === 'compareDateRangeQuery') {
    return { ...first, queryType, dimensions: ['compareDateRange', ...dimensions] };
  }
  return { ...first, queryType };
}

class ResultWrapper {
  isWrapper = true;

  constructor(rows) {
    this.rows = rows ?? [];
    this.root = {};
  }

  setTransformData(transform) {
    this.transform = transform;
  }

  getTransformData() {
    return [this.transform];
  }

  setRootResultObject(root) {
    this.root = root;
  }

  getRootResultObject() {
    return [this.root];
  }

  getResults() {
    return [this];
  }

  finalObject() {
    return { ...this.root, data: dataOf(this.transform, this.rows) };
  }

  async getFinalResult() {
    return Buffer.from(JSON.stringify(this.finalObject()));
  }

  /** Subscriptions compare answers by their JSON. */
  toJSON() {
    return this.rows;
  }
}

class ResultMultiWrapper {
  isWrapper = true;

  constructor(results, { queryType, slowQuery }) {
    this.results = results;
    this.queryType = queryType;
    this.slowQuery = slowQuery;
  }

  getResults() {
    return this.results;
  }

  finalObject() {
    const { queryType, slowQuery } = this;
    const results = this.results.map((result) => result.finalObject());
    const queries = results.map((result) => result.query);
    return { queryType, results, pivotQuery: pivotQuery(queryType, queries), slowQuery };
  }

  async getFinalResult() {
    return Buffer.from(JSON.stringify(this.finalObject()));
  }
}

module.exports = { ResultMultiWrapper, ResultWrapper };
