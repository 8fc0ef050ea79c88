"""What every route rests on: requests read strictly, answers and errors put together, streams bounded, threads for what
blocks. Knows no kind of object."""
