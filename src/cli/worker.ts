import '../scenario/simulate.ts'; // what the thread will run is loaded with all else
import { model } from './pgherd.ts';
import { serve } from './serve.ts';

/** What a thread of `pgherd run` runs. */
serve(model);
