r"""The way of one record through the service.

    receivers
       |
     admit ......... QueueSink: into the queue
       |
    (queue)
       |
     take .......... Consumer: the thread; room, suspects
       |
     handle ........ RecordHandler: begins one record
       |
       +-> plan .... Planner: which calls are evaluated (request_reader, recent_spans, trace_store)
       |
       +-> modes ... TapMode, InlineMode: what else happens to the request (awaiting_results)
       |              \
       +-> join        \
            |           \
        (batcher)        \
            |             |
        evaluation .......|.. EvaluationStage: results to events, metrics, live feed, waiting requests
            |             |
            |          forward ... Forwarder: the request with its results and the content that may go on
            |             |
         delivery ------- delivery ... to a destination, or a dead letter
            |
        open_records ... RecordRefs: the last release settles the record in the queue

Order of the modules, each imports only from the left: open_records, losses, pending_call, recent_spans,
trace_store, request_reader, delivery < awaiting_results < forward, evaluation < plan, join, modes < handle < take;
admit.
"""
