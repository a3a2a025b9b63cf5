/** The door for data that are larger than memory: shards of files, read in ranges while a training goes on. */
export type { BatchSource, PieceSource } from '../pieces.ts';
export { idxShard, npyShard } from './arrays.ts';
export { type ByteSource, blobBytes, type FileInput, type UrlOptions, urlBytes } from './bytes.ts';
export { type CsvShardOptions, csvShard } from './csv.ts';
export type { Shard, ShardLayout } from './shard.ts';
export { type StreamOptions, stream } from './stream.ts';
export type { TableShardOptions } from './table.ts';
