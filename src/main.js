import { enableCompileCache } from 'node:module';

/**
 * The program's entry. The compile cache, which saves a quarter of the start, has types already stripped. What is loaded before it
 * is turned on would bring in Node's compiler for types, 11 MB for as long as the server runs: hence no TypeScript here.
 */

enableCompileCache();
await import('./serve.ts');
